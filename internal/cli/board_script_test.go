package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptBoard is `board DIR TEXT`: serves the incident to a room in which Jane writes
// TEXT, and saves in DIR what every link answers: the page, its news as they came, and
// the picture.
func scriptBoard(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: board DIR TEXT")
	}
	cmd := exec.Command(os.Args[0], "board", "--join", "--json")
	cmd.Args[0] = "nightcall" // by which the test binary knows what to be
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "NIGHTCALL_HOME", "NIGHTCALL_ACTOR", "TZ"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var links map[string]string
	ts.Check(json.NewDecoder(out).Decode(&links))
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(boardNote(links["join"], args[1]))
	for _, view := range []string{"technical", "join", "executive"} {
		link, until := links[view], "Jane (board)"
		if view == "executive" {
			until = "Steps" // it names nobody, and is made anew with the others
		}
		news, err := boardNews(link, until)
		ts.Check(err)
		page, err := boardGet(link)
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(dir, view+".news"), news, 0o600))
		ts.Check(os.WriteFile(filepath.Join(dir, view+".html"), page, 0o600))
		if source := boardPicture.FindSubmatch(page); source != nil {
			drawn, err := boardGet(link + string(source[1]))
			ts.Check(err)
			ts.Check(os.WriteFile(filepath.Join(dir, view+".svg"), drawn, 0o600))
		}
	}
}

var boardPicture = regexp.MustCompile(`src="(picture\.svg[^"]*)"`)

func boardNote(join, text string) error {
	answer, err := http.PostForm(join+"note", url.Values{"name": {"Jane"}, "text": {text}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK { // after the way back to the page
		return errors.New(answer.Status)
	}
	return nil
}

func boardGet(link string) ([]byte, error) {
	answer, err := http.Get(link)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// boardNews is all news of a page, until one that tells the text has ended.
func boardNews(link, text string) ([]byte, error) {
	answer, err := http.Get(link + "events")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var news bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := answer.Body.Read(buf)
		news.Write(buf[:n])
		if _, after, told := strings.Cut(news.String(), text); told && strings.Contains(after, "\n\n") {
			return news.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
