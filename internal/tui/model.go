package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/incident"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// refreshEach is how often the header counts on and the timeline is read again.
const refreshEach = time.Second

// A page is one of the views, chosen by its number.
type page int

const (
	pageSteps page = iota
	pageTimeline
	pageFindings
	pageHosts
	pageMoney
	pageTechnical
	pageLinks
	pageReach
	pages
)

var pageNames = [...]string{"Steps", "Timeline", "Findings", "Hosts", "Money", "Technical", "Links", "Reach"}

// A model is everything that is shown. Only Update changes it.
type model struct {
	ctx  context.Context //nolint:containedctx // bubbletea hands none to commands
	room Room

	width, height int
	now           time.Time

	entries []timeline.Entry
	folder  *incident.Folder
	at      incident.Incident
	read    bool // the timeline was read once
	resumed bool // the cursor stood at the first open question since
	reading bool // it is being read
	again   bool // and has to be read once more after that

	sight   Sight
	judging bool // the hosts are being judged
	rejudge bool // and have to be judged once more after that

	about    string  // which hosts the map is narrowed to; empty for all
	drawings int     // that were asked for
	drawn    drawing // the last of them that is there

	page   page
	cursor [pages]int // the item of the checklist, the finding, the host
	scroll [pages]int // lines from the top; of the timeline, from the end
	prompt *prompt    // nil while nothing is asked
	ran    []string   // command lines that were typed, the last at the end
	help   bool
	helpAt int    // lines from the top
	status string // what the last command said
}

func newModel(ctx context.Context, room Room) model {
	return model{ctx: ctx, room: room, width: 80, height: 24, now: room.Now(), folder: incident.NewFolder(), reading: true, judging: true}
}

// Messages, beside those of the terminal.
type (
	ticked    struct{}
	entriesIn struct {
		entries []timeline.Entry
		whole   bool
		err     error
		folder  *incident.Folder // of all entries, when they are whole
	}
	fleetIn struct {
		sight Sight
		err   error
	}
	said struct {
		text string
		err  error
	}
)

// Init draws at once and reads meanwhile.
func (m model) Init() tea.Cmd { return tea.Batch(m.readEntries(), m.readFleet(), tick()) }

func tick() tea.Cmd { return tea.Tick(refreshEach, func(time.Time) tea.Msg { return ticked{} }) }

// readEntries reads what is new. The first time, and after a merge, everything is
// folded beside the screen, which goes on.
func (m model) readEntries() tea.Cmd {
	last, known := "", len(m.entries)
	if known > 0 {
		last = m.entries[known-1].ID
	}
	return func() tea.Msg {
		entries, whole, err := m.room.Entries(m.ctx, last, known)
		in := entriesIn{entries: entries, whole: whole, err: err}
		if whole {
			in.folder = incident.NewFolder()
			in.folder.Add(entries...)
		}
		return in
	}
}

func (m model) readFleet() tea.Cmd {
	return func() tea.Msg {
		sight, err := m.room.Fleet(m.ctx)
		return fleetIn{sight, err}
	}
}

// do runs a command line that asks nothing.
func (m model) do(args ...string) tea.Cmd {
	return func() tea.Msg {
		text, err := m.room.Run(m.ctx, args...)
		return said{text, err}
	}
}

// Update takes one message.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		resized := msg.Width != m.width
		m.width, m.height = msg.Width, msg.Height
		if resized {
			return m.redraw()
		}
	case ticked:
		m.now = m.room.Now()
		m, cmd := m.reread()
		cmds := []tea.Cmd{cmd, tick()}
		if m.muteEnded() {
			m, cmd = m.judge()
			cmds = append(cmds, cmd)
		}
		return m, tea.Batch(cmds...)
	case entriesIn:
		return m.withEntries(msg)
	case fleetIn:
		return m.withFleet(msg)
	case drawing:
		if msg.number == m.drawings {
			m.drawn = msg
		}
	case said:
		m.status = msg.text
		if msg.err != nil {
			m.status = msg.err.Error()
		}
		m.again = m.reading // which may have looked before it was written
		return m.reread()
	case tea.KeyPressMsg:
		m.now = m.room.Now()
		if m.prompt != nil {
			return m.typed(msg)
		}
		return m.press(msg.String())
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt = m.prompt.with(m.prompt.input.with(msg.Content))
		}
	}
	return m, nil
}

// reread reads what is new, unless that is under way.
func (m model) reread() (model, tea.Cmd) {
	if m.reading {
		return m, nil
	}
	m.reading, m.again = true, false
	return m, m.readEntries()
}

// withEntries adds what was read, and reads on where that was asked for meanwhile.
func (m model) withEntries(in entriesIn) (tea.Model, tea.Cmd) {
	m.reading = false
	m, news := m.add(in)
	var cmds []tea.Cmd
	if m.again {
		var cmd tea.Cmd
		m, cmd = m.reread()
		cmds = append(cmds, cmd)
	}
	if news {
		var cmd tea.Cmd
		m, cmd = m.judge()
		cmds = append(cmds, cmd)
	}
	return m, tea.Batch(cmds...)
}

// judge reads and judges the hosts anew: after what is under way, because that may
// have looked before the news.
func (m model) judge() (model, tea.Cmd) {
	if m.judging {
		m.rejudge = true
		return m, nil
	}
	m.judging, m.rejudge = true, false
	return m, m.readFleet()
}

// withFleet shows what was judged, and judges again where that was asked for
// meanwhile.
func (m model) withFleet(in fleetIn) (tea.Model, tea.Cmd) {
	m.judging = false
	var draw, again tea.Cmd
	if in.err != nil {
		m.status = in.err.Error()
	} else {
		m.sight = in.sight
		m, draw = m.redraw()
	}
	if m.rejudge {
		m, again = m.judge()
	}
	return m, tea.Batch(draw, again)
}

// muteEnded reports whether a finding is still shown as muted though its time is
// over.
func (m model) muteEnded() bool {
	return slices.ContainsFunc(m.sight.Result.Muted, func(f check.MutedFinding) bool { return f.Mute.Over(m.now) })
}

// add adds what was read, and tells whether hosts are to be looked at anew.
func (m model) add(in entriesIn) (model, bool) {
	switch {
	case in.err != nil:
		m.status = in.err.Error()
		return m, false
	case in.whole:
		m.entries, m.folder, m.read = in.entries, in.folder, true
	default:
		m.entries = append(m.entries, in.entries...)
		m.folder.Add(in.entries...)
	}
	m.at = m.folder.Incident()
	if !m.resumed {
		m.resumed = true
		m.cursor[pageSteps] = max(0, slices.IndexFunc(m.items(), func(i incident.Item) bool { return i.State == incident.ItemOpen }))
	}
	return m, m.read && slices.ContainsFunc(in.entries, func(e timeline.Entry) bool {
		return check.Affects(e.Kind)
	})
}

// findings are those that are shown, worst first, then those that are muted, with
// how; the mute of the others is nil.
func (m model) findings() []check.MutedFinding {
	result := m.sight.Result
	all := make([]check.MutedFinding, 0, len(result.Findings)+len(result.Muted))
	for _, f := range result.Findings {
		all = append(all, check.MutedFinding{Finding: f})
	}
	return append(all, result.Muted...)
}

// items are all questions, in order; none before the timeline was read.
func (m model) items() []incident.Item {
	var items []incident.Item
	for _, s := range m.at.Steps {
		items = append(items, s.Items...)
	}
	return items
}
