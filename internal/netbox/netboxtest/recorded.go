package netboxtest

import (
	_ "embed"
	"encoding/json"
)

//go:embed recorded.json
var recorded []byte

// Recorded is what a real NetBox answered.
func Recorded() []Exchange {
	var list []Exchange
	if err := json.Unmarshal(recorded, &list); err != nil {
		panic("recorded.json: " + err.Error())
	}
	return list
}
