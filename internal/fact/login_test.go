package fact

import "testing"

// A password is whatever people chose, and ends nothing in the file that carries it.
func TestMySQLLogin(t *testing.T) {
	t.Parallel()
	got, err := MySQLLogin("ops", `a"b\c #;`)
	if want := "[client]\nuser=\"ops\"\npassword=\"a\\\"b\\\\c #;\"\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := MySQLLogin("ops", "a\n[mysqld]"); err == nil {
		t.Error("a second line was taken")
	}
}
