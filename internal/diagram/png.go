package diagram

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/colornames"
	"golang.org/x/image/draw"
	ximage "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Bounds of a painted picture, in pixels: what is painted unasked, and at most.
const (
	usualPixels = 16e6
	maxPixels   = 64e6 // 6 bytes each while it is painted
)

// faintness is how much is left of the icon of a host that nobody has visited.
const faintness = 0.35

// ErrLarge is a picture that would have more pixels than we paint.
var ErrLarge = errors.New("the picture is too large to paint")

// PNG paints the picture, scale pixels for each of the SVG's. Scale 0 is 2, and
// less for a large picture, as long as it can be read. What is too large at its
// scale is ErrLarge.
func PNG(p Picture, scale float64) ([]byte, error) {
	l := lay(p)
	size := l.sizeWith(p)
	if scale == 0 {
		scale = min(2, max(0.75, math.Sqrt(usualPixels/(size.x*size.y))))
		scale = min(scale, max(0.4, math.Sqrt(maxPixels/(size.x*size.y))*0.999))
	}
	if size.x*size.y*scale*scale > maxPixels {
		return nil, fmt.Errorf("%w: %.0f by %.0f pixels at scale %g", ErrLarge, size.x*scale, size.y*scale, scale)
	}
	w := newPainter(int(math.Ceil(size.x*scale)), int(math.Ceil(size.y*scale)), scale)
	l.paint(w, p)
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	err := enc.Encode(&out, paletted(w.image, p.inks()))
	return out.Bytes(), err
}

// inks are the colours that say something, and must stay what they are.
func (p Picture) inks() []color.RGBA {
	texts := []string{"#ffffff", "#2d3436", "#6b747c", oldColor}
	for _, e := range p.Edges {
		texts = append(texts, penOf(e).color)
	}
	for _, c := range statusColors {
		texts = append(texts, c)
	}
	texts = append(texts, tierColors...)
	slices.Sort(texts)
	var out []color.RGBA
	for _, text := range slices.Compact(texts) {
		out = append(out, rgba(text))
	}
	return out
}

// A painter is a canvas of pixels.
type painter struct {
	image *image.RGBA
	scale float64
	cover *image.Alpha // what the line being drawn covers; empty between lines
	faces map[font]ximage.Face
	marks map[glyph]mark
	icons map[string]*image.RGBA
}

// A glyph is a letter of a font, at a quarter of a pixel.
type glyph struct {
	letter  rune
	face    font
	quarter fixed.Int26_6
}

// A mark is a painted glyph: what it covers, from the point that it stands at.
type mark struct {
	cover   *image.Alpha
	advance fixed.Int26_6
}

func newPainter(w, h int, scale float64) *painter {
	bounds := image.Rect(0, 0, w, h)
	p := &painter{
		image: image.NewRGBA(bounds), scale: scale, cover: image.NewAlpha(bounds),
		faces: map[font]ximage.Face{}, marks: map[glyph]mark{}, icons: map[string]*image.RGBA{},
	}
	draw.Draw(p.image, bounds, image.White, image.Point{}, draw.Src)
	return p
}

// rgba reads a colour: a name of SVG's, or #rgb or #rrggbb. What is neither is
// dark grey.
func rgba(text string) color.RGBA {
	if c, ok := colornames.Map[strings.ToLower(text)]; ok {
		return c
	}
	digits := strings.TrimPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	v, err := strconv.ParseUint(digits, 16, 24)
	if err != nil || len(digits) != 6 {
		return color.RGBA{0x44, 0x44, 0x44, 0xff}
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}
}

// part is c where only a part of it, of 0 to 1, is to be seen.
func part(c color.RGBA, of float64) color.RGBA {
	scaled := func(v uint8) uint8 { return uint8(math.Round(float64(v) * of)) }
	return color.RGBA{scaled(c.R), scaled(c.G), scaled(c.B), scaled(c.A)}
}

// pixels is the smallest range of whole pixels around a rectangle.
func (p *painter) pixels(r rect) image.Rectangle {
	return image.Rect(int(math.Floor(r.x)), int(math.Floor(r.y)), int(math.Ceil(r.right())), int(math.Ceil(r.bottom()))).Intersect(p.image.Rect)
}

// rect paints the ground, then the frame on its edge.
func (p *painter) rect(r rect, s surface) {
	r = rect{r.x * p.scale, r.y * p.scale, r.w * p.scale, r.h * p.scale}
	radius := min(s.radius*p.scale, r.w/2, r.h/2)
	if s.fill != "" {
		ground := part(rgba(s.fill), s.opacity)
		p.filled(r, radius, ground)
	}
	if s.stroke != "" {
		p.stroke(around(r, radius), s.width*p.scale, dashes(s.dash, p.scale), rgba(s.stroke))
	}
}

// filled paints a rectangle with round corners: what lies well within it at
// once, and its border by how far each pixel is from it.
func (p *painter) filled(r rect, radius float64, c color.RGBA) {
	src := image.NewUniform(c)
	deep := rect{r.x + radius + 1, r.y + radius + 1, r.w - 2*radius - 2, r.h - 2*radius - 2}
	inner := image.Rect(int(math.Ceil(deep.x)), int(math.Ceil(deep.y)), int(math.Floor(deep.right())), int(math.Floor(deep.bottom()))).Intersect(p.image.Rect)
	draw.Draw(p.image, inner, src, image.Point{}, draw.Over)
	outer := p.pixels(r)
	for y := outer.Min.Y; y < outer.Max.Y; y++ {
		for x := outer.Min.X; x < outer.Max.X; x++ {
			if y >= inner.Min.Y && y < inner.Max.Y && x == inner.Min.X {
				x = inner.Max.X
				if x >= outer.Max.X {
					break
				}
			}
			p.blend(x, y, c, 0.5-outside(float64(x)+0.5, float64(y)+0.5, r, radius))
		}
	}
}

// outside is how far a point is from a rectangle with round corners; within it,
// the distance is negative.
func outside(x, y float64, r rect, radius float64) float64 {
	dx := math.Abs(x-(r.x+r.w/2)) - r.w/2 + radius
	dy := math.Abs(y-(r.y+r.h/2)) - r.h/2 + radius
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
}

// blend puts a colour, in its part of 0 to 1, over a pixel.
func (p *painter) blend(x, y int, c color.RGBA, of float64) {
	if of <= 0 {
		return
	}
	c = part(c, min(of, 1))
	pix := p.image.Pix[p.image.PixOffset(x, y):][:4]
	rest := 255 - uint32(c.A)
	for n, v := range [4]uint8{c.R, c.G, c.B, c.A} {
		pix[n] = v + uint8((uint32(pix[n])*rest+127)/255)
	}
}

// around is the border of a rectangle with round corners.
func around(r rect, radius float64) []point {
	var out []point
	corner := func(x, y, from float64) {
		const steps = 8
		for n := range steps + 1 {
			sin, cos := math.Sincos(from + math.Pi/2*float64(n)/steps)
			out = append(out, point{x + radius*cos, y + radius*sin})
		}
	}
	corner(r.right()-radius, r.y+radius, -math.Pi/2)
	corner(r.right()-radius, r.bottom()-radius, 0)
	corner(r.x+radius, r.bottom()-radius, math.Pi/2)
	corner(r.x+radius, r.y+radius, math.Pi)
	return append(out, out[0])
}

// dashes are the lengths of ink and of what is left out, in turn.
func dashes(text string, scale float64) []float64 {
	var out []float64
	for word := range strings.FieldsSeq(text) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil || v <= 0 {
			return nil
		}
		out = append(out, v*scale)
	}
	return out
}

// headLength and headWidth are those of an arrow's head, in pixels of the SVG.
const headLength, headWidth = 8.1, 7.2

// line paints an edge, then its arrow's head.
func (p *painter) line(points []point, style pen, backward bool) {
	way := flat(points)
	for n := range way {
		way[n] = point{way[n].x * p.scale, way[n].y * p.scale}
	}
	c := rgba(style.color)
	p.stroke(way, style.width*p.scale, dashes(style.dash, p.scale), c)
	tip, before := way[len(way)-1], way[len(way)-2]
	if backward {
		tip, before = way[0], way[1]
	}
	long := math.Hypot(tip.x-before.x, tip.y-before.y)
	if long == 0 {
		return
	}
	dx, dy := (tip.x-before.x)/long*p.scale, (tip.y-before.y)/long*p.scale
	tip = point{tip.x + dx*0.9, tip.y + dy*0.9}
	back := point{tip.x - dx*headLength, tip.y - dy*headLength}
	p.polygon(c, tip, point{back.x - dy*headWidth/2, back.y + dx*headWidth/2}, point{back.x + dy*headWidth/2, back.y - dx*headWidth/2})
}

func (p *painter) polygon(c color.RGBA, corners ...point) {
	low, high := corners[0], corners[0]
	for _, q := range corners {
		low, high = point{min(low.x, q.x), min(low.y, q.y)}, point{max(high.x, q.x), max(high.y, q.y)}
	}
	at := p.pixels(rect{low.x, low.y, high.x - low.x, high.y - low.y})
	if at.Empty() {
		return
	}
	z := vector.NewRasterizer(at.Dx(), at.Dy())
	for n, q := range corners {
		x, y := float32(q.x-float64(at.Min.X)), float32(q.y-float64(at.Min.Y))
		if n == 0 {
			z.MoveTo(x, y)
		} else {
			z.LineTo(x, y)
		}
	}
	z.ClosePath()
	z.Draw(p.image, at, image.NewUniform(c), image.Point{})
}

// stroke paints a line of straight steps, in dashes or whole. How much of a
// pixel it covers is told by its distance from the line; the steps of one line
// are joined before any is painted, so that no joint is darker.
func (p *painter) stroke(way []point, width float64, dash []float64, c color.RGBA) {
	var touched []image.Rectangle
	each := func(a, b point) {
		for _, s := range split(a, b) {
			touched = append(touched, p.coverStep(s[0], s[1], width))
		}
	}
	if len(dash) == 0 {
		for n := 1; n < len(way); n++ {
			each(way[n-1], way[n])
		}
	} else {
		inked(way, dash, each)
	}
	for _, r := range touched {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			row := p.cover.Pix[p.cover.PixOffset(r.Min.X, y):][:r.Dx()]
			pix := p.image.Pix[p.image.PixOffset(r.Min.X, y):][:4*r.Dx()]
			for n, v := range row {
				if v > 0 {
					over(pix[4*n:][:3], c, uint32(v))
					row[n] = 0
				}
			}
		}
	}
}

// over puts a colour over a pixel, in its part of 0 to 255.
func over(pix []uint8, c color.RGBA, of uint32) {
	rest := 255 - of
	pix[0] = uint8((uint32(pix[0])*rest + uint32(c.R)*of + 127) / 255)
	pix[1] = uint8((uint32(pix[1])*rest + uint32(c.G)*of + 127) / 255)
	pix[2] = uint8((uint32(pix[2])*rest + uint32(c.B)*of + 127) / 255)
}

// split cuts a step into short ones: the rectangle around a slanted line has
// many pixels that it does not touch.
func split(a, b point) [][2]point {
	n := 1
	if a.x != b.x && a.y != b.y {
		n = max(1, int(math.Hypot(b.x-a.x, b.y-a.y)/12))
	}
	out := make([][2]point, n)
	at := func(i int) point {
		t := float64(i) / float64(n)
		return point{a.x + (b.x-a.x)*t, a.y + (b.y-a.y)*t}
	}
	for i := range n {
		out[i] = [2]point{at(i), at(i + 1)}
	}
	return out
}

// inked calls each for every part of a way that has ink.
func inked(way []point, dash []float64, each func(a, b point)) {
	turn, left := 0, dash[0]
	for n := 1; n < len(way); n++ {
		a, b := way[n-1], way[n]
		for {
			long := math.Hypot(b.x-a.x, b.y-a.y)
			if long == 0 {
				break
			}
			step := min(long, left)
			end := point{a.x + (b.x-a.x)*step/long, a.y + (b.y-a.y)*step/long}
			if turn%2 == 0 {
				each(a, end)
			}
			if left -= step; left <= 0 {
				turn++
				left = dash[turn%len(dash)]
			}
			if step == long {
				break
			}
			a = end
		}
	}
}

// coverStep notes what one straight step covers, and returns where.
func (p *painter) coverStep(a, b point, width float64) image.Rectangle {
	reach := width/2 + 0.5
	r := p.pixels(rect{min(a.x, b.x) - reach, min(a.y, b.y) - reach, math.Abs(a.x-b.x) + 2*reach, math.Abs(a.y-b.y) + 2*reach})
	dx, dy := b.x-a.x, b.y-a.y
	square := dx*dx + dy*dy
	covered := func(far float64) uint8 { return uint8(min(reach-math.Sqrt(far), 1, width)*255 + 0.5) }
	left, right := int(math.Ceil(min(a.x, b.x)))-r.Min.X, int(math.Floor(max(a.x, b.x)))-1-r.Min.X
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := p.cover.Pix[p.cover.PixOffset(r.Min.X, y):][:r.Dx()]
		down := float64(y) + 0.5 - a.y
		for n := 0; n < len(row); n++ {
			if dy == 0 && n == left && right > left && right < len(row) { // all between the ends is as far
				if far := down * down; far < reach*reach {
					v := covered(far)
					for i := left; i < right; i++ {
						row[i] = max(row[i], v)
					}
				}
				n = right
			}
			along := float64(r.Min.X+n) + 0.5 - a.x
			t := 0.0
			if square > 0 {
				t = min(max((along*dx+down*dy)/square, 0), 1)
			}
			ox, oy := along-t*dx, down-t*dy
			if far := ox*ox + oy*oy; far < reach*reach {
				row[n] = max(row[n], covered(far))
			}
		}
	}
	return r
}

// icon paints an icon, scaled once and kept.
func (p *painter) icon(name string, at point, faint bool) {
	src := p.icons[name]
	if src == nil {
		edge := int(math.Round(iconSize * p.scale))
		src = image.NewRGBA(image.Rect(0, 0, edge, edge))
		if full, err := png.Decode(bytes.NewReader(iconData(name))); err == nil { // a test decodes each
			draw.CatmullRom.Scale(src, src.Rect, full, full.Bounds(), draw.Src, nil)
		}
		p.icons[name] = src
	}
	opacity := uint8(255)
	if faint {
		opacity = 89 // faintness, of 255
	}
	to := src.Rect.Add(image.Pt(int(math.Round(at.x*p.scale)), int(math.Round(at.y*p.scale))))
	draw.DrawMask(p.image, to, src, image.Point{}, image.NewUniform(color.Alpha{opacity}), image.Point{}, draw.Over)
}

// text paints a line of letters.
func (p *painter) text(text string, at point, f font) {
	w := fixed.Int26_6(0)
	if f.anchor == "middle" {
		for _, r := range text {
			w += p.mark(r, f, 0).advance
		}
	}
	x := fixed.Int26_6(math.Round(at.x*p.scale*64)) - w/2
	y := int(math.Round(at.y * p.scale))
	src := image.NewUniform(rgba(f.color))
	for _, r := range text {
		m := p.mark(r, f, x&63&^15)
		to := m.cover.Rect.Add(image.Pt(x.Floor(), y))
		draw.DrawMask(p.image, to, src, image.Point{}, m.cover, m.cover.Rect.Min, draw.Over)
		x += m.advance
	}
}

// mark paints a letter once, and keeps it. Beyond the Latin ones of a picture
// there are few, so what is kept stays small.
func (p *painter) mark(r rune, f font, quarter fixed.Int26_6) mark {
	f.anchor, f.color = "", ""
	key := glyph{r, f, quarter}
	if m, ok := p.marks[key]; ok {
		return m
	}
	m := mark{cover: &image.Alpha{}}
	if !f.has(r) {
		m = p.number(r, f, quarter)
	} else if to, cover, from, advance, ok := p.face(f).Glyph(fixed.Point26_6{X: quarter}, r); ok {
		m.cover, m.advance = image.NewAlpha(to), advance
		draw.Draw(m.cover, to, cover, from, draw.Src)
	}
	p.marks[key] = m
	return m
}

// number is what stands for a letter that the font does not have: its number in
// Unicode, in two rows within a frame, as browsers show it.
func (p *painter) number(r rune, f font, quarter fixed.Int26_6) mark {
	digits := fmt.Sprintf("%04X", r)
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	em := f.size * p.scale
	left := float64(quarter) / 64
	frame := image.Rect(int(left+em*0.06), int(math.Round(-em*0.82)), int(left+em*0.97), int(math.Round(em*0.16)))
	m := mark{cover: image.NewAlpha(frame), advance: fixed.Int26_6(em * 64)}
	thin := image.NewUniform(color.Alpha{140})
	draw.Draw(m.cover, frame, thin, image.Point{}, draw.Src)
	draw.Draw(m.cover, frame.Inset(1), image.Transparent, image.Point{}, draw.Src)
	small := font{size: f.size * 0.5, weight: "400"}
	columns := len(digits) / 2
	step := (float64(frame.Dx()) - 2) / float64(columns)
	if columns > 2 {
		small.size = f.size * 0.42
	}
	for n, d := range digits {
		face := p.face(small)
		wide, _ := face.GlyphAdvance(d)
		x := float64(frame.Min.X) + 1 + step*(float64(n%columns)+0.5) - float64(wide)/128
		y := -em*0.36 + float64(n/columns)*em*0.45
		dot := fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(math.Round(y) * 64)}
		if to, cover, from, _, ok := face.Glyph(dot, d); ok {
			draw.DrawMask(m.cover, to, image.Opaque, image.Point{}, cover, from, draw.Over)
		}
	}
	return m
}

// face is a font at its size, opened once.
func (p *painter) face(f font) ximage.Face {
	f.anchor, f.color = "", ""
	if face := p.faces[f]; face != nil {
		return face
	}
	face, err := opentype.NewFace(f.file(), &opentype.FaceOptions{Size: f.size * p.scale, DPI: 72, Hinting: ximage.HintingNone})
	if err != nil {
		panic("diagram: a font of our own: " + err.Error()) // only options of ours could be wrong
	}
	p.faces[f] = face
	return face
}
