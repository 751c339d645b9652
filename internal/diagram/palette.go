package diagram

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// cells is how many colours are told apart before some are taken for others: 64
// steps of red, green and blue.
const cells = 1 << 18

func cellOf(r, g, b uint8) int { return int(r>>2)<<12 | int(g>>2)<<6 | int(b>>2) }

// A shade is one cell's colour, and how often it is there.
type shade struct {
	color color.RGBA // the first seen
	count int
}

// paletted reduces an image to 256 colours: those to keep, then the most common
// of those that are far from each other, then of those nearer. The others become
// the nearest of these. Our pictures have few colours and many between two of
// them, at the borders of letters and lines, so that nobody sees it; the file is
// a third as large, and made in half the time.
func paletted(m *image.RGBA, keep []color.RGBA) *image.Paletted {
	keep = keep[:min(len(keep), 128)]
	shades := count(m)
	pal := choose(shades, keep)
	var of [cells]uint8
	for _, s := range shades {
		of[s.cell()] = uint8(pal.Index(s.color))
	}
	for _, c := range keep {
		of[cellOf(c.R, c.G, c.B)] = uint8(pal.Index(c))
	}
	out := image.NewPaletted(m.Rect, pal)
	last, index := uint32(0), uint8(0)
	for n := range out.Pix {
		if pixel := binary.LittleEndian.Uint32(m.Pix[4*n:]); pixel != last {
			last, index = pixel, of[cellOf(m.Pix[4*n], m.Pix[4*n+1], m.Pix[4*n+2])]
		}
		out.Pix[n] = index
	}
	return out
}

func (s shade) cell() int { return cellOf(s.color.R, s.color.G, s.color.B) }

// choose makes the palette.
func choose(shades []shade, keep []color.RGBA) color.Palette {
	var colors []color.RGBA
	for _, c := range keep {
		if !slices.Contains(colors, c) {
			colors = append(colors, c)
		}
	}
	for _, apart := range []int{48, 24, 12, 0} {
		for _, s := range shades {
			if len(colors) == 256 {
				break
			}
			if !slices.ContainsFunc(colors, func(c color.RGBA) bool { return near(c, s.color, apart) }) {
				colors = append(colors, s.color)
			}
		}
	}
	pal := make(color.Palette, len(colors))
	for n, c := range colors {
		pal[n] = c
	}
	return pal
}

// near reports whether no part of two colours differs by more.
func near(a, b color.RGBA, by int) bool {
	far := func(x, y uint8) bool { d := int(x) - int(y); return d > by || -d > by }
	return !far(a.R, b.R) && !far(a.G, b.G) && !far(a.B, b.B)
}

// count finds the colours of an image, the most common first.
func count(m *image.RGBA) []shade {
	all := make([]shade, cells)
	last, at := uint32(0), &shade{} // a pixel is most often the same as the one before
	for n := 0; n < len(m.Pix); n += 4 {
		if pixel := binary.LittleEndian.Uint32(m.Pix[n:]); pixel != last {
			last, at = pixel, &all[cellOf(m.Pix[n], m.Pix[n+1], m.Pix[n+2])]
			if at.count == 0 {
				at.color = color.RGBA{m.Pix[n], m.Pix[n+1], m.Pix[n+2], m.Pix[n+3]}
			}
		}
		at.count++
	}
	all = slices.DeleteFunc(all, func(s shade) bool { return s.count == 0 })
	slices.SortStableFunc(all, func(a, b shade) int { return cmp.Compare(b.count, a.count) })
	return all
}
