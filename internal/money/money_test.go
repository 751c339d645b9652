package money

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

func rate(t testing.TB, text string) Rate {
	t.Helper()
	r, err := ParseRate(text, "USD")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1M/day":              "USD 1,000,000/day",
		"USD 1m a day":        "USD 1,000,000/day",
		"40k/h":               "USD 40,000/hour",
		"40,000 EUR per hour": "EUR 40,000/hour",
		"€12.5k/hr":           "EUR 12,500/hour",
		"AED 1 250 000/d":     "AED 1,250,000/day",
		"1'000'000 CHF / day": "CHF 1,000,000/day",
		"1_000.5/h":           "USD 1,001/hour",
		"0.5bn jpy/day":       "JPY 500,000,000/day",
		"0/h":                 "USD 0/hour",
		"0.1/h":               "USD 0.10/hour",
		"1.25m/day":           "USD 1,250,000/day",
	} {
		r, err := ParseRate(text, "USD")
		if err != nil || r.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, r, err, want)
		}
	}
	for _, text := range []string{
		"", "1M", "1M/week", "a lot/day", "1.000/day", "1,5/day", "1,00,000/day", "-5/h", "USD 5 EUR/h", "1e9/h",
		"NaN/h", "99999999999999999999/h", "9999999999999bn/h", "1.2345/h", "5 dollars/h", "/h", "1..2/h", "5k k/h",
	} {
		if r, err := ParseRate(text, "USD"); err == nil {
			t.Errorf("%q was taken for %s", text, r)
		}
	}
	if _, err := ParseRate("1M/day", ""); err == nil {
		t.Error("a rate without a currency")
	}
}

// A tenth of a unit an hour, told ten thousand times over uneven spans, is the
// same as told once: nothing drifts.
func TestSumIsExact(t *testing.T) {
	t.Parallel()
	tenth := rate(t, "0.1/h")
	var s Sum
	var whole time.Duration
	for range 10_000 {
		span := time.Duration(rand.Int64N(int64(time.Hour)))
		s.Add(tenth, span)
		whole += span
	}
	if got, want := s.Amount("USD"), tenth.Over(whole); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := rate(t, "1M/day").Over(3 * time.Hour).Likely.String(); got != "125000" {
		t.Errorf("three hours of a million a day: %s", got)
	}
	if got := rate(t, "1/day").Over(8 * time.Hour).Likely.String(); got != "0.333" {
		t.Errorf("a third: %s", got)
	}
}

func TestSumStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	all := Rate{Amount: Amount{Low: limit, Likely: limit, High: limit, Currency: "USD"}, Per: Hour}
	var s Sum
	for range 10 {
		s.Add(all, 1<<62)
	}
	if got := s.Amount("USD").Likely; got != limit {
		t.Errorf("%d", got)
	}
	for range 30 {
		s.Sub(all, 1<<62)
	}
	if got := s.Amount("USD").Likely; got != -limit {
		t.Errorf("%d", got)
	}
}

func TestLessAndSpares(t *testing.T) {
	t.Parallel()
	day := rate(t, "1M/day")
	part, err := ParsePart("80 %")
	if err != nil {
		t.Fatal(err)
	}
	rest := day.Less(part)
	if got := rest.String(); got != "USD 200,000/day" {
		t.Errorf("a fifth of a million is %s", got)
	}
	if part, ok := day.Spares(rate(t, "8,333.333/h")); !ok || part != 8000 {
		t.Errorf("spares %d, %v", part, ok)
	}
	if part, ok := rest.Spares(day); !ok || part != -40000 {
		t.Errorf("spares %d, %v", part, ok)
	}
	if _, ok := day.Spares(rate(t, "EUR 1/day")); ok {
		t.Error("currencies were compared")
	}
	for _, text := range []string{"80", "101%", "-1%", "1.234%", "%"} {
		if part, err := ParsePart(text); err == nil {
			t.Errorf("%q is %d", text, part)
		}
	}
}

// JSON carries every number as a string of digits: no reader makes a float of it.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := rate(t, "0.1/h")
	r.High = limit
	text, err := json.Marshal(r)
	const want = `{"low":"0.1","likely":"0.1","high":"1000000000000000","currency":"USD","per":"hour"}`
	if err != nil || string(text) != want {
		t.Fatalf("%s, %v", text, err)
	}
	var back Rate
	if err := json.Unmarshal(text, &back); err != nil || back != r || !back.Valid() {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []string{`{"likely":"1.2.3"}`, `{"likely":""}`, `{"likely":"--1"}`, `{"likely":"1e3"}`, `{"likely":1.5}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for d, want := range map[Decimal]string{
		0: "0", 5: "0.01", 100: "0.10", 99_999: "100.00", 1000: "1", 1_234_567_499: "1,234,567", -1_234_500: "-1,235", -50: "-0.05",
	} {
		if got := d.Text(); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	a := Amount{Low: 1000, Likely: 2000, High: 3000, Currency: "USD"}
	if got := a.String(); got != "USD 2 (1 to 3)" {
		t.Error(got)
	}
}

// Whatever is typed is refused or a rate that can be reckoned with, and its JSON
// reads back the same.
func FuzzParseRate(f *testing.F) {
	for _, text := range []string{"1M/day", "USD 1,000.5 per hour", "€12.5k/hr", "1'000/d", "0/h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text, "USD")
		if err != nil {
			return
		}
		var back Rate
		encoded, _ := json.Marshal(r)
		if err := json.Unmarshal(encoded, &back); err != nil || back != r || !r.Valid() {
			t.Errorf("%q: %s, %+v, %v", text, encoded, back, err)
		}
	})
}
