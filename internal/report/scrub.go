package report

import (
	"github.com/nightcall-sh/nightcall/internal/redact"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// describe is the entry in words, without secrets. They are masked in its data:
// a description has lost the line breaks that tell where a secret begins.
func describe(e timeline.Entry) string {
	e.Data = redact.Strings(e.Data, redact.Text)
	return timeline.Describe(e)
}
