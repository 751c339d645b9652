package shell_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host/local"
	"github.com/nightcall-sh/nightcall/internal/host/shell"
)

func TestTry(t *testing.T) {
	v, err := shell.Run(context.Background(), local.Wire{}, []shell.Section{
		{Name: "a", Body: "echo hi; echo err >&2; exit 3", Stderr: true},
		{Name: "b", Body: "cat; echo nope >&2"},
		{Name: "c", Body: "cat", Stdin: []byte("x'y\\z\n\x00\xff end"), Stderr: true},
		{Name: "d", Body: "sleep 30 & sleep 20", Time: 300 * time.Millisecond},
		{Name: "e", Body: "echo last"},
	}, shell.Options{Now: time.Now})
	for _, a := range v.Answers {
		fmt.Printf("%s exit=%d out=%q err=%q missing=%q took=%s\n", a.Section, a.Exit, a.Stdout, a.Stderr, a.Missing, a.Took)
	}
	fmt.Println(v.Root, v.NoRoot, err)
}
