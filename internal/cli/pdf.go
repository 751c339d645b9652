package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nightcall-sh/nightcall/internal/report"
)

// browsers are the programs that print a page as a PDF, by name or by where they
// are on systems that have no such names.
var browsers = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "brave-browser",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
	`C:\Program Files\Google\Chrome\Application\chrome.exe`,
	`C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`,
}

// printLimit is how long the browser may take.
const printLimit = 2 * time.Minute

// findBrowser returns the program that prints pages.
func findBrowser() (string, error) {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", withHint(errors.New("a PDF is printed by Chromium, Chrome or Edge, and none is here"),
		"nightcall report -o report.html, and print that where a browser is")
}

// writePDF prints the HTML report with a browser of its own profile, which is
// gone afterwards.
func writePDF(ctx context.Context, w io.Writer, d report.Data) error {
	browser, err := findBrowser()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nightcall-pdf-") // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var html bytes.Buffer
	if err := report.HTML(&html, d); err != nil {
		return err
	}
	page, pdf := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.pdf")
	if err := os.WriteFile(page, html.Bytes(), 0o600); err != nil {
		return err
	}
	if err := printPage(ctx, browser, dir, page, pdf); err != nil {
		return err
	}
	text, err := os.ReadFile(pdf)
	if err != nil {
		return fmt.Errorf("%s printed nothing: %w", filepath.Base(browser), err)
	}
	_, err = w.Write(text)
	return err
}

func printPage(ctx context.Context, browser, dir, page, pdf string) error {
	ctx, cancel := context.WithTimeout(ctx, printLimit)
	defer cancel()
	slashed := filepath.ToSlash(page)
	if slashed[0] != '/' {
		slashed = "/" + slashed // a Windows drive
	}
	args := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-dev-shm-usage",
		"--no-pdf-header-footer", "--user-data-dir=" + filepath.Join(dir, "profile"), "--print-to-pdf=" + pdf,
	}
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox") // it has none for root; the page runs no script and loads nothing
	}
	cmd := exec.CommandContext(ctx, browser, append(args, (&url.URL{Scheme: "file", Path: slashed}).String())...)
	cmd.WaitDelay = 5 * time.Second
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s did not print the report: %w: %s", filepath.Base(browser), err, printable(lastLine(said)))
	}
	return nil
}

func lastLine(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}
