package shell

// previewWord stands where each visit has a random word of its own.
const previewWord = "WORD"

// Preview is everything that a visit sends for the sections, for people to read
// before they allow it: the greeting, which tries sudo and doas where root is wanted, and
// the script. In a real visit the word is another, the script travels compressed
// where the host has gzip, and where sudo asks for a password, a few lines more
// start it and hand that password on. The script is the one for hosts of this kind,
// which the greeting finds out.
func Preview(sections []Section, kind Kind, root bool) string {
	opts := Options{Root: RootNo}
	if root {
		opts.Root = RootTry
	}
	return greeting(previewWord, opts, false, false) + Script(previewWord, sections, kind, false)
}
