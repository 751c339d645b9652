package money

import (
	"fmt"
	"regexp"
	"strings"
)

// ParseRate reads money over time as people say it: 1M/day, USD 40,000 per hour,
// 12.5k EUR/h. currency is taken when the text names none; it may be empty.
func ParseRate(text, currency string) (Rate, error) {
	amount, per, err := cutPeriod(text)
	if err != nil {
		return Rate{}, err
	}
	value, named, err := ParseAmount(amount)
	if err != nil {
		return Rate{}, err
	}
	if named != "" {
		currency = named
	}
	if currency == "" {
		return Rate{}, fmt.Errorf("%q: in which currency?", text)
	}
	r := Rate{Amount: Amount{Low: value, Likely: value, High: value, Currency: currency}, Per: per}
	if !r.Valid() {
		return Rate{}, fmt.Errorf("%q is no rate", text)
	}
	return r, nil
}

var period = regexp.MustCompile(`(?i)^(.*\S)\s*(?:/|\bper\b|\ban?\b)\s*(h|hr|hour|d|day)$`)

// cutPeriod splits "40k/h" into the amount and what it is told for.
func cutPeriod(text string) (amount string, per Period, err error) {
	m := period.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", "", fmt.Errorf("%q: per hour or per day?", text)
	}
	if strings.HasPrefix(strings.ToLower(m[2]), "h") {
		return m[1], Hour, nil
	}
	return m[1], Day, nil
}

var (
	amountShape = regexp.MustCompile(`^(?:([A-Za-z]{3})\s+|([A-Z]{3}|[$€£]))?\s*([0-9][0-9.,_' ]*?)\s*(k|K|m|M|bn)?(?:\s*([A-Z]{3}|[$€£])|\s+([A-Za-z]{3}))?$`)
	groups      = regexp.MustCompile(`^[0-9]{1,3}(?:([,_' ])[0-9]{3})(?:[,_' ][0-9]{3})*(?:\.[0-9]+)?$`)

	symbols = map[string]string{"$": "USD", "€": "EUR", "£": "GBP"}
	powers  = map[string]Decimal{"": 1, "k": 1_000, "m": 1_000_000, "bn": 1_000_000_000}
)

// ParseAmount reads an amount with or without a currency: 800k, USD 1.2M,
// 1,250,000 EUR.
func ParseAmount(text string) (value Decimal, currency string, err error) {
	m := amountShape.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, "", fmt.Errorf("%q is no amount of money", text)
	}
	if currency, err = oneCurrency(m[1], m[2], m[5], m[6]); err != nil {
		return 0, "", fmt.Errorf("%q: %w", text, err)
	}
	if value, err = parseNumber(m[3], powers[strings.ToLower(m[4])]); err != nil {
		return 0, "", fmt.Errorf("%q: %w", text, err)
	}
	return value, currency, nil
}

func oneCurrency(words ...string) (string, error) {
	currency := ""
	for _, word := range words {
		if word == "" {
			continue
		}
		if currency != "" {
			return "", fmt.Errorf("two currencies")
		}
		currency = strings.ToUpper(word)
		if code := symbols[word]; code != "" {
			currency = code
		}
	}
	return currency, nil
}

// parseNumber reads digits in groups or not. What half of the world reads as a
// thousand and the other as one is refused: nobody proofreads at 04:30.
func parseNumber(text string, power Decimal) (Decimal, error) {
	if groups.MatchString(text) {
		text = strings.NewReplacer(",", "", "_", "", "'", "", " ", "").Replace(text)
	} else if _, rest, _ := strings.Cut(text, "."); len(rest) == 3 && power == 1 {
		return 0, fmt.Errorf("a thousand or a thousandth? Write the digits without points, or 1k")
	}
	value, err := parseDecimal(text)
	if err != nil {
		return 0, err
	}
	if value > limit/power {
		return 0, fmt.Errorf("more money than there is")
	}
	return value * power, nil
}

// isCurrency holds for the shape of ISO 4217: three capital letters.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// ParsePart reads a percentage, in hundredths of a percent: "80 %", "12.5%".
func ParsePart(text string) (int64, error) {
	digits, found := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := parseDecimal(strings.TrimSpace(digits))
	if !found || err != nil || value > 100*thousand || value%10 != 0 {
		return 0, fmt.Errorf("%q is no percentage from 0%% to 100%%", text)
	}
	return int64(value / 10), nil
}
