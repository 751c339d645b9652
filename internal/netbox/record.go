package netbox

// A Batch is one bulk request, as the record keeps it.
type Batch struct {
	Number  int       `json:"number"` // in its run
	Op      Op        `json:"op"`     // create, update, delete
	Kind    Kind      `json:"kind"`
	Objects []Written `json:"objects"`
}

// Delete is what undo does with what we created. No plan has it.
const Delete Op = "delete"

// Written is one object of a batch.
type Written struct {
	ID     int64          `json:"id,omitempty"` // zero while it is about to be made
	Key    string         `json:"key"`
	Host   string         `json:"host,omitempty"`
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
}

// A Recorder keeps what is written, durably: first that it will be, then that it
// was. It is called by one at a time; two batches may be open at once.
type Recorder interface {
	Writing(Batch) error
	Wrote(Batch) error
}

func batch(number int, op Op, kind Kind, tasks []task) Batch {
	b := Batch{Number: number, Op: op, Kind: kind}
	for _, t := range tasks {
		b.Objects = append(b.Objects, t.done)
	}
	return b
}

// Remember folds what the record says was written into what we wrote last.
func Remember(batches []Batch) Memory {
	m := Memory{}
	for _, b := range batches {
		for _, o := range b.Objects {
			for field, value := range o.After {
				m[Cell{b.Kind, o.ID, field}] = normal(field, value)
			}
		}
	}
	return m
}
