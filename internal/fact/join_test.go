package fact

import "testing"

func TestJoinNamesESXi(t *testing.T) {
	t.Parallel()
	set := observe(kernelFact(), Raw{Out: "VMkernel esx1 7.0.3 #1 SMP Release build-19193900 Jan 18 2022 15:14:44 x86_64\n"})
	set.join()
	if os := set.OS; os.State != OK || os.Value.ID != "esxi" || os.Value.Version != "7.0.3" {
		t.Errorf("%+v", os)
	}
}
