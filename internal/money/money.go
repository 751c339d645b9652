// Package money counts money exactly, in integers.
//
// # Decimal
//
// A [Decimal] is a number with three places. Nothing here is a float: what was
// said as 0.1 is 0.1 after a thousand hours.
//
// # Rate
//
// A [Rate] is money over time, as somebody put it: a likely value between a low
// and a high one, in one currency, per hour or per day. Currencies are never
// converted into each other.
//
// # Sum
//
// A [Sum] adds rates over spans of time without rounding, and rounds once, when
// it is read.
package money

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// A Decimal is a number in thousandths.
type Decimal int64

const (
	thousand = 1000

	// limit is the largest Decimal, of either sign: more money than there is.
	limit Decimal = 1_000_000_000_000_000 * thousand
)

// String is the number in full, without separators or superfluous zeros.
func (d Decimal) String() string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	text := sign + strconv.FormatInt(int64(d/thousand), 10)
	if rest := d % thousand; rest != 0 {
		text += strings.TrimRight(fmt.Sprintf(".%03d", rest), "0")
	}
	return text
}

// MarshalText writes the number as String does: JSON has it as a string, which
// no reader rounds.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Decimal) UnmarshalText(text []byte) error {
	digits, negative := strings.CutPrefix(string(text), "-")
	value, err := parseDecimal(digits)
	if negative {
		value = -value
	}
	*d = value
	return err
}

var errNumber = errors.New("not a number of at most three decimal places")

// parseDecimal reads digits with at most one point.
func parseDecimal(text string) (Decimal, error) {
	whole, rest, _ := strings.Cut(text, ".")
	if !isDigits(whole) || strings.Contains(text, ".") && !isDigits(rest) || len(rest) > 3 || len(whole) > 16 {
		return 0, errNumber
	}
	n, err := strconv.ParseInt(whole+(rest + "000")[:3], 10, 64)
	if err != nil || Decimal(n) > limit {
		return 0, errNumber
	}
	return Decimal(n), nil
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// Text is the number for people: with separators, and with cents only while they
// matter.
func (d Decimal) Text() string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	if d < 100*thousand && d%thousand != 0 {
		cents := (d + 5) / 10
		return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
	}
	return sign + grouped(int64((d+thousand/2)/thousand))
}

func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// An Amount is money in one currency, as a range.
type Amount struct {
	Low      Decimal `json:"low"`
	Likely   Decimal `json:"likely"`
	High     Decimal `json:"high"`
	Currency string  `json:"currency"`
}

// String is the likely value, with the range where there is one.
func (a Amount) String() string {
	text := a.Currency + " " + a.Likely.Text()
	if a.Low != a.High {
		text += fmt.Sprintf(" (%s to %s)", a.Low.Text(), a.High.Text())
	}
	return text
}

// A Period is what a rate is told for.
type Period string

// The periods.
const (
	Hour Period = "hour"
	Day  Period = "day"
)

const hoursADay = 24

// A Rate is money over time.
type Rate struct {
	Amount
	Per Period `json:"per"`
}

// Valid reports whether the rate can be reckoned with: rates also come from
// other laptops' databases.
func (r Rate) Valid() bool {
	return (r.Per == Hour || r.Per == Day) && isCurrency(r.Currency) &&
		0 <= r.Low && r.Low <= r.Likely && r.Likely <= r.High && r.High <= limit
}

// Zero reports whether nothing at all is lost.
func (r Rate) Zero() bool { return r.High == 0 }

// String is the rate in words.
func (r Rate) String() string {
	text := r.Currency + " " + r.Likely.Text() + "/" + string(r.Per)
	if r.Low != r.High {
		text += fmt.Sprintf(" (%s to %s)", r.Low.Text(), r.High.Text())
	}
	return text
}

// Over is what the rate comes to in a span of time.
func (r Rate) Over(span time.Duration) Amount {
	var s Sum
	s.Add(r, span)
	return s.Amount(r.Currency)
}

// Less is the rate when this part of it is spared, in hundredths of a percent.
func (r Rate) Less(part int64) Rate {
	keep := func(d Decimal) Decimal {
		n := new(big.Int).Mul(big.NewInt(int64(d)), big.NewInt(whole-part))
		return round(n, whole)
	}
	r.Low, r.Likely, r.High = keep(r.Low), keep(r.Likely), keep(r.High)
	return r
}

// whole is all of something in hundredths of a percent.
const whole = 10_000

// Spares is which part of the rate another one of the same currency spares, in
// hundredths of a percent, by their likely values; negative when it costs more.
// A rate of nothing has no parts.
func (r Rate) Spares(other Rate) (part int64, ok bool) {
	if r.Currency != other.Currency || r.Likely == 0 {
		return 0, false
	}
	var before, after Sum
	before.Add(r, time.Hour)
	after.Add(other, time.Hour)
	saved := new(big.Int).Sub(&before.likely, &after.likely)
	saved.Mul(saved, big.NewInt(whole)).Quo(saved, &before.likely)
	return saved.Int64(), saved.IsInt64()
}

// A Sum adds rates over spans of time, in thousandths times nanoseconds of a day.
// The zero value is nothing.
type Sum struct {
	low, likely, high big.Int
}

// Add adds what a rate comes to in a span.
func (s *Sum) Add(r Rate, span time.Duration) {
	s.add(&s.low, r.Low, r.Per, span)
	s.add(&s.likely, r.Likely, r.Per, span)
	s.add(&s.high, r.High, r.Per, span)
}

// Sub takes what a rate comes to in a span away. What is spared is a range of
// its own: the lowest when little was lost and much still is.
func (s *Sum) Sub(r Rate, span time.Duration) {
	s.add(&s.low, r.High, r.Per, -span)
	s.add(&s.likely, r.Likely, r.Per, -span)
	s.add(&s.high, r.Low, r.Per, -span)
}

func (s *Sum) add(to *big.Int, d Decimal, per Period, span time.Duration) {
	n := new(big.Int).Mul(big.NewInt(int64(d)), big.NewInt(int64(span)))
	if per == Hour {
		n.Mul(n, big.NewInt(hoursADay))
	}
	to.Add(to, n)
}

// Amount is the sum, rounded to thousandths.
func (s *Sum) Amount(currency string) Amount {
	const day = int64(hoursADay * time.Hour)
	return Amount{Low: round(&s.low, day), Likely: round(&s.likely, day), High: round(&s.high, day), Currency: currency}
}

// round divides, to the nearest thousandth, and stops at the limit.
func round(n *big.Int, by int64) Decimal {
	sign := int64(n.Sign())
	abs := new(big.Int).Abs(n)
	abs.Add(abs, big.NewInt(by/2)).Quo(abs, big.NewInt(by))
	if !abs.IsInt64() || abs.Int64() > int64(limit) {
		return Decimal(sign) * limit
	}
	return Decimal(sign * abs.Int64())
}

// Plus is the sum of two amounts. The currency is the other's: it may be added to
// the zero Amount.
func (a Amount) Plus(other Amount) Amount {
	plus := func(x, y Decimal) Decimal { return max(-limit, min(limit, x+y)) }
	return Amount{
		Low: plus(a.Low, other.Low), Likely: plus(a.Likely, other.Likely), High: plus(a.High, other.High), Currency: other.Currency,
	}
}
