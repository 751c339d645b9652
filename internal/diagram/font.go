package diagram

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Sizes of text, in pixels.
const (
	nameSize  = 12.5
	subSize   = 10.5
	labelSize = 11.0
	titleSize = 17.0
)

// The fonts are Go's own, which are as wide as Arial and Helvetica. Of what they
// do not have, as Chinese, the number is painted; a browser that shows an SVG has
// fonts of its own.
var (
	regular = sync.OnceValue(func() *sfnt.Font { return parsed(goregular.TTF) })
	heavy   = sync.OnceValue(func() *sfnt.Font { return parsed(gobold.TTF) })
)

// parsed reads a font that is part of the program.
func parsed(ttf []byte) *sfnt.Font {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic("diagram: a font of our own: " + err.Error()) // a test reads both
	}
	return f
}

// slack is how much wider than our font that of a browser may be.
const slack = 1.06

// widths are those of the heavy font's Latin letters, of size 1.
var widths = sync.OnceValue(func() (w [256]float64) {
	var b sfnt.Buffer
	f := heavy()
	const em = 1000
	for r := range rune(len(w)) {
		g, err := f.GlyphIndex(&b, r)
		if err != nil {
			continue
		}
		if advance, err := f.GlyphAdvance(&b, g, fixed.I(em), 0); err == nil {
			w[r] = float64(advance) / 64 / em
		}
	}
	return w
})

// textWidth is how wide a text is at most, in the sans-serif fonts there are.
func textWidth(text string, size float64) float64 {
	latin := widths()
	w := 0.0
	for _, r := range text {
		switch {
		case int(r) < len(latin):
			w += latin[r]
		case r > 0x2e80: // as wide as high
			w += 1.05
		default:
			w++
		}
	}
	return w * size * slack
}

// fit cuts a text to a width.
func fit(text string, size, width float64) string {
	if textWidth(text, size) <= width {
		return text
	}
	for text != "" && textWidth(text+"…", size) > width {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text + "…"
}

// file is the font that a text is painted with.
func (f font) file() *sfnt.Font {
	if f.bold() {
		return heavy()
	}
	return regular()
}

// has reports whether the font has a letter.
func (f font) has(r rune) bool {
	var b sfnt.Buffer
	g, err := f.file().GlyphIndex(&b, r)
	return err != nil || g != 0 || int(r) < len(widths())
}
