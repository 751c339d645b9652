package fact

import "slices"

// join completes facts from one another, after all of a visit were read: the
// process table knows the names and command lines of the processes that others
// know by number, and the kernel is all that names some systems.
func (s *Set) join() {
	if s.Kernel.Value.Name == "VMkernel" {
		release := s.Kernel.Value.Release
		s.OS = Observed[OS]{
			Value: OS{ID: "esxi", Name: "VMware ESXi", Version: release, Text: "VMkernel " + release},
			State: OK, Source: s.Kernel.Source, At: s.Kernel.At,
		}
	}
	processes := make(map[int]Process, len(s.Processes.Value))
	for _, p := range s.Processes.Value {
		processes[p.PID] = p
	}
	for n := range s.Sockets.Value.Listeners {
		l := &s.Sockets.Value.Listeners[n]
		if p, ok := processes[l.PID]; ok {
			l.Command, l.User = p.Command, p.User
		}
	}
	for n := range s.Libraries.Value {
		l := &s.Libraries.Value[n]
		for _, pid := range l.PIDs {
			if p, ok := processes[pid]; ok && !slices.Contains(l.Processes, p.Name) {
				l.Processes = append(l.Processes, p.Name)
			}
		}
		slices.Sort(l.Processes)
	}
}
