package diagram

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// painted is a picture as a reader of PNGs sees it.
func painted(t *testing.T, p Picture, scale float64) image.Image {
	t.Helper()
	data, err := PNG(p, scale)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An image of few colours stays what it is; of one with many, each is replaced by
// one that is close.
func TestPaletted(t *testing.T) {
	t.Parallel()
	few := image.NewRGBA(image.Rect(0, 0, 61, 47))
	for n := range few.Pix {
		few.Pix[n] = uint8(n/4%50) * 4
		if n%4 == 3 {
			few.Pix[n] = 255
		}
	}
	if worst := distance(few, paletted(few, nil)); worst != 0 {
		t.Errorf("of 50 colours, one is off by %d", worst)
	}
	many := image.NewRGBA(image.Rect(0, 0, 256, 4))
	for n := range many.Pix {
		many.Pix[n] = uint8(n / 4 % 256)
		if n%4 == 3 {
			many.Pix[n] = 255
		}
	}
	kept := color.RGBA{1, 200, 3, 255}
	many.SetRGBA(7, 1, kept)
	out := paletted(many, []color.RGBA{kept})
	if worst := distance(many, out); worst > 3 {
		t.Errorf("a grey is off by %d", worst)
	}
	if got := out.At(7, 1); got != kept {
		t.Errorf("the colour to keep is %v", got)
	}
}

// distance is how far any colour of b is from a's.
func distance(a *image.RGBA, b image.Image) int {
	worst := 0
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			was := a.RGBAAt(x, y)
			is, _ := color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []int{int(was.R) - int(is.R), int(was.G) - int(is.G), int(was.B) - int(is.B)} {
				worst = max(worst, d, -d)
			}
		}
	}
	return worst
}

// No part of a real picture changes its colour so that one would see it.
func TestPNGKeepsItsColours(t *testing.T) {
	t.Parallel()
	p := drawn(wild(3, 60), Options{FoldAbove: 1000})
	l := lay(p)
	w := newPainter(int(l.size.x), int(l.size.y), 1)
	l.paint(w, p)
	if worst := distance(w.image, paletted(w.image, p.inks())); worst > 40 {
		t.Errorf("a colour is off by %d of 255", worst)
	}
}

// Each thing of a picture is where the layout has it, in its colour.
func TestPNGShowsThePicture(t *testing.T) {
	t.Parallel()
	p := observed()
	l := lay(p)
	const scale = 2
	m := painted(t, p, scale)
	if b := m.Bounds(); b.Dx() < int(l.size.x*scale) || b.Dy() < int(l.size.y*scale) {
		t.Errorf("the picture is %v, the layout %v", b, l.size)
	}
	near := func(at point, reach int, want string) bool {
		c := rgba(want)
		for y := -reach; y <= reach; y++ {
			for x := -reach; x <= reach; x++ {
				if color.RGBAModel.Convert(m.At(int(at.x*scale)+x, int(at.y*scale)+y)) == c {
					return true
				}
			}
		}
		return false
	}
	for _, b := range p.Boxes {
		if r := l.boxes[b.ID]; !near(point{r.x + r.w - 5, r.y + 10}, 1, b.ground()) {
			t.Errorf("box %s has not its ground", b.Name)
		}
	}
	for n, e := range p.Edges {
		if first := l.edges[n].points[0]; !near(first, 30, penOf(e).color) {
			t.Errorf("edge %s %s has not its colour at its start", e.From, e.To)
		}
	}
	for _, n := range p.Nodes {
		r := l.nodes[n.ID]
		if ink := inks(m, rect{r.x * scale, (r.y + iconSize + 12) * scale, r.w * scale, 16 * scale}); ink < 40 {
			t.Errorf("%s has no name: %d dark pixels", n.Name, ink)
		}
		if c := statusColors[n.Mark.Status]; c != "" && !near(point{r.x + r.w/2, r.y}, 3, c) {
			t.Errorf("%s has no frame", n.Name)
		}
	}
}

// inks counts the dark pixels of a part.
func inks(m image.Image, in rect) int {
	n := 0
	for y := int(in.y); y < int(in.bottom()); y++ {
		for x := int(in.x); x < int(in.right()); x++ {
			if g, ok := color.GrayModel.Convert(m.At(x, y)).(color.Gray); ok && g.Y < 160 {
				n++
			}
		}
	}
	return n
}

func TestPNGEqualBytes(t *testing.T) {
	t.Parallel()
	first, err := PNG(drawn(cloud(60, 90), Options{FoldAbove: 1000}), 0.5)
	if err != nil {
		t.Fatal(err)
	}
	again, err := PNG(drawn(cloud(60, 90), Options{FoldAbove: 1000}), 0.5)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same picture gave other bytes, %v", err)
	}
}

// Text fits where the layout made room for it, whatever the letters.
func TestTextIsNoWiderThanThought(t *testing.T) {
	t.Parallel()
	w := newPainter(10, 10, 1)
	for _, text := range append([]string{"WWWWW", "replica", "be 1 - 10.0.11.1", "no answer :3306", "ÄÖÜ … ×", "Привет"}, hostile...) {
		for _, f := range []font{{nameSize, "", "", "600"}, {subSize, "", "", "400"}, {labelSize, "", "", "400"}} {
			is := 0.0
			for _, r := range text {
				is += float64(w.mark(r, f, 0).advance) / 64
			}
			if most := textWidth(text, f.size); is > most {
				t.Errorf("%q takes %.1f pixels, not %.1f", text, is, most)
			}
		}
	}
}

// A picture of a size that nobody could look at is refused before it is painted.
func TestPNGTooLarge(t *testing.T) {
	t.Parallel()
	if _, err := PNG(observed(), 80); !errors.Is(err, ErrLarge) {
		t.Errorf("error %v, want %v", err, ErrLarge)
	}
	if _, err := PNG(Picture{Title: strings.Repeat("W", 100)}, 0); err != nil {
		t.Error(err)
	}
}

func TestColors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]color.RGBA{
		"#d40000": {0xd4, 0, 0, 0xff}, "#fa0": {0xff, 0xaa, 0, 0xff}, "darkgreen": {0, 0x64, 0, 0xff}, "Red": {0xff, 0, 0, 0xff},
		"no colour": {0x44, 0x44, 0x44, 0xff}, "": {0x44, 0x44, 0x44, 0xff}, "#12345": {0x44, 0x44, 0x44, 0xff},
	} {
		if got := rgba(text); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// Letters that our font lacks can be told apart, and those that it has are painted
// as they are.
func TestLettersWithoutGlyph(t *testing.T) {
	t.Parallel()
	w := newPainter(10, 10, 2)
	f := font{size: nameSize, weight: "600"}
	if f.has('庫') || !f.has('é') || !f.has('П') {
		t.Fatal("the font has other letters than it had")
	}
	marks := map[string]rune{}
	for _, r := range "庫数據한글🙂" {
		m := w.mark(r, f, 0)
		if other, taken := marks[string(m.cover.Pix)]; taken {
			t.Errorf("%c looks like %c", r, other)
		}
		marks[string(m.cover.Pix)] = r
		if em := float64(m.advance) / 64; em > textWidth(string(r), f.size*2) || float64(m.cover.Rect.Max.X) > em {
			t.Errorf("%c is %.1f wide, and covers %v", r, em, m.cover.Rect)
		}
	}
}
