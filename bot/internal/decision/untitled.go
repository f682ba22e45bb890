package decision

import "slices"

// Published returns the confirmation as the conversation may read it: if it is
// untitled, without what Chamelio says about the tasks. Reason and people stay.
func (c Confirmation) Published() Confirmation {
	if c.Untitled {
		c.Tasks = slices.Clone(c.Tasks)
		for i, t := range c.Tasks {
			c.Tasks[i] = Named{ID: t.ID, URL: t.URL}
		}
	}
	return c
}

// Published returns the record as the conversation may read it: if it is
// untitled, without what Chamelio says about the tasks and who is on them.
func (r Record) Published() Record {
	if r.Untitled {
		r.Tasks = slices.Clone(r.Tasks)
		for i := range r.Tasks {
			t := &r.Tasks[i]
			t.Title, t.Step = "", ""
			t.Detail, t.SettledDetail = untitled(t.Result()), untitled(t.Settled())
		}
	}
	return r
}

func untitled(r Result) string {
	if r.Outcome == "" {
		return ""
	}
	r.Title, r.Flow, r.Step, r.StepsDone, r.StepsTotal = "", "", "", 0, 0
	r.People, r.Was, r.Detail = nil, Moved{}, ""
	return r.Encode()
}
