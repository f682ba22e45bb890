package chamelio_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func TestTaskDecodesShownFields(t *testing.T) {
	api := newAPI(t)
	got, err := newClient(t, api.URL()).Task(t.Context(), chameliotest.InProgressTask)
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := api.Task(chameliotest.InProgressTask)
	want := chamelio.Task{
		ID: 12345, URL: "https://app.chamelio.ai/workflows/tasks/12345", Title: "Master agreement with Globex",
		Workflow: "Contract review", Status: chamelio.InProgress,
		Step: "Legal approval", StepType: chamelio.StepApproval, StepsDone: 3, StepsTotal: 5,
		CreatedAt: chamelio.Timestamp{Time: *sent.CreatedAt}, UpdatedAt: chamelio.Timestamp{Time: *sent.UpdatedAt},
		Owner: "ada@acme.example", Assignee: "grace@acme.example", Collaborators: []string{"linus@acme.example"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Variables may be confidential: no field holds them.
	if all, _ := json.Marshal(got); strings.Contains(string(all), "CONFIDENTIAL") {
		t.Error("the task's variables were decoded")
	}
	if done, err := newClient(t, api.URL()).Task(t.Context(), chameliotest.CompletedTask); err != nil || done.CompletedAt.IsZero() || done.StepsDone != 5 {
		t.Errorf("got %+v, %v", done, err)
	}
}

// Whatever type a field has, the others are read.
func TestMalformedFieldIsSkipped(t *testing.T) {
	whole := map[string]any{
		"task_id": 12345, "task_url": "https://app.chamelio.ai/workflows/tasks/12345", "task_title": "NDA",
		"workflow_name": "Contract review", "status": "in_progress", "current_step_name": "Legal approval",
		"current_step_type": "Approval", "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		"completed_at": "2026-01-02T03:04:05Z", "owner_email": "ada@acme.example", "assignee_email": "grace@acme.example",
		"collaborator_emails": []string{"linus@acme.example"}, "step_runs": []any{map[string]string{"status": "completed"}},
	}
	fields := map[string]string{
		"task_url": "URL", "task_title": "Title", "workflow_name": "Workflow", "status": "Status", "current_step_name": "Step",
		"current_step_type": "StepType", "created_at": "CreatedAt", "updated_at": "UpdatedAt", "completed_at": "CompletedAt",
		"owner_email": "Owner", "assignee_email": "Assignee", "collaborator_emails": "Collaborators", "step_runs": "StepsTotal",
	}
	body := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(srv.Close)
	c := newClient(t, srv.URL)
	c.SetRateLimit(1 << 30)
	read := func(task map[string]any) chamelio.Task {
		raw, err := json.Marshal(map[string]any{"task": task})
		if err != nil {
			t.Fatal(err)
		}
		body = string(raw)
		got, err := c.Task(t.Context(), 12345)
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		return got
	}
	all := read(whole)
	if all.StepType != chamelio.StepApproval {
		t.Errorf("the step's type is %q", all.StepType)
	}
	for name, field := range fields {
		if reflect.ValueOf(all).FieldByName(field).IsZero() {
			t.Errorf("%s is not read at all", name)
		}
		for _, odd := range []any{nil, 17, 1.5, true, []any{}, []any{nil, 3}, map[string]any{"a": []int{1}}} {
			task := map[string]any{}
			for k, v := range whole {
				task[k] = v
			}
			task[name] = odd
			got, want := read(task), all
			reflect.ValueOf(&want).Elem().FieldByName(field).SetZero()
			if field == "StepsTotal" {
				want.StepsDone = 0
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s = %v\ngot  %+v\nwant %+v", name, odd, got, want)
			}
		}
	}
}

// The documentation has no example of a signing step's type.
func TestSigningStepsAreRecognised(t *testing.T) {
	for raw, want := range map[string]chamelio.StepType{
		"signature": chamelio.StepSignature, "Signing": chamelio.StepSignature, "e_signature": chamelio.StepSignature,
		"eSignature": chamelio.StepSignature, "counter-signing": chamelio.StepSignature, "sign": chamelio.StepSignature,
		"assignment": "assignment", "designing": "designing", "Design review": "design review", "approval": chamelio.StepApproval,
	} {
		task, err := taskFrom(t, `{"task": {"task_id": 12345, "current_step_type": "`+raw+`"}}`)
		if err != nil || task.StepType != want {
			t.Errorf("%s: %q, %v; want %q", raw, task.StepType, err, want)
		}
	}
}

func taskFrom(t *testing.T, body string) (chamelio.Task, error) {
	t.Helper()
	api := newAPI(t)
	api.Break(chameliotest.Fault{Status: 200, Body: body})
	return newClient(t, api.URL()).Task(t.Context(), 12345)
}

func TestParsesAllSpellingsOfAnID(t *testing.T) {
	for id, accepted := range map[string]bool{
		`12345`: true, `"12345"`: true, `" 12345 "`: true, `12345.0`: true, `1.2345e4`: true, `null`: true,
		`12346`: false, `"12346"`: false, `-12345`: false, `12345.5`: true, // no id at all, as if absent
		`"task_def456"`: true, `{}`: true, `99999999999999999999`: true,
	} {
		if got, err := taskFrom(t, `{"task":{"task_id":`+id+`}}`); (err == nil) != accepted || accepted && got.ID != 12345 {
			t.Errorf("%s: got %v, %v", id, got.ID, err)
		}
	}
	// A cancel is only believed if it names the task.
	for id, accepted := range map[string]bool{
		`12345`: true, `"12345"`: true, `12345.0`: true, `null`: false, `12345.5`: false, `{}`: false, `"task_def456"`: false,
	} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: 200, Body: `{"task_id":` + id + `,"status":"cancelled"}`})
		if err := newClient(t, api.URL()).Cancel(t.Context(), 12345, nil); (err == nil) != accepted {
			t.Errorf("cancel of %s: %v", id, err)
		}
	}
}

func TestParsesAllFormsOfCollaborators(t *testing.T) {
	for list, want := range map[string][]string{
		`null`: nil, `""`: nil, `[]`: nil, `17`: nil, `"a@x.example"`: {"a@x.example"},
		`[null,"a@x.example",3,"",{"email":"c@x.example"},"b@x.example"]`: {"a@x.example", "b@x.example"},
	} {
		if got, err := taskFrom(t, `{"task":{"collaborator_emails":`+list+`}}`); err != nil || !reflect.DeepEqual(got.Collaborators, want) {
			t.Errorf("%s: got %q, %v", list, got.Collaborators, err)
		}
	}
}

// A title is cut. A part of another text could be someone else's address, or another
// workflow's name, so none is kept.
func TestBoundsLongFields(t *testing.T) {
	long := strings.Repeat("é", 20_000)
	raw, _ := json.Marshal(map[string]any{"task": map[string]any{
		"task_title": long, "current_step_name": long, "task_url": long, "workflow_name": long, "status": long, "current_step_type": long,
		"owner_email": long, "assignee_email": long, "collaborator_emails": append([]string{long}, slices.Repeat([]string{"linus@acme.example"}, 10_000)...),
	}})
	got, err := taskFrom(t, string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Collaborators); n == 0 || n > 1000 {
		t.Errorf("there are %d collaborators", n)
	}
	got.Collaborators = nil
	cut := strings.Repeat("é", 499) + "…"
	if want := (chamelio.Task{ID: 12345, Title: cut, Step: cut}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestOmitsUncountableSteps(t *testing.T) {
	for runs, want := range map[string][2]int{
		`[{"status":"completed"},{"status":"in_progress"},{"status":"pending"}]`: {1, 3},
		`[{"status":"Completed"},{"status":"reticulating"},{"status":7},{}]`:     {1, 4},
		`[]`: {0, 0}, `null`: {0, 0}, `7`: {0, 0}, `{"status":"completed"}`: {0, 0},
		`[{"status":"completed"},null]`: {0, 0}, `[{"status":"completed"},"completed"]`: {0, 0},
	} {
		if got, err := taskFrom(t, `{"task":{"step_runs":`+runs+`}}`); err != nil || [2]int{got.StepsDone, got.StepsTotal} != want {
			t.Errorf("%s: got %d of %d, %v", runs, got.StepsDone, got.StepsTotal, err)
		}
	}
}

func TestParsesDatesWithAndWithoutAZone(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	for date, readable := range map[string]bool{
		`"2026-01-02T03:04:05.678Z"`: true, `"2026-01-02T04:04:05.678+01:00"`: true, `"2026-01-02T03:04:05.678"`: true,
		`"yesterday"`: false, `17`: false, `null`: false,
	} {
		got, err := taskFrom(t, `{"task":{"created_at":`+date+`}}`)
		if err != nil || got.CreatedAt.Equal(want) != readable || got.CreatedAt.IsZero() == readable {
			t.Errorf("%s: got %v, %v", date, got.CreatedAt, err)
		}
	}
}

func TestRejectsMalformedTasks(t *testing.T) {
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"task":null}`, `{"task":[]}`, `{"task":"12345"}`, `{"task":{"task_id":1}}`} {
		if got, err := taskFrom(t, body); err == nil {
			t.Errorf("%q counts as %+v", body, got)
		}
	}
}

func TestBothSpellingsOfCancelledAreTheSame(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Method: "POST", Status: 200, Body: `{"task_id":12345,"status":"canceled"}`})
	api.Break(chameliotest.Fault{Method: "GET", Status: 200, Body: `{"task":{"task_id":12345,"status":"canceled"}}`})
	c := newClient(t, api.URL())
	if err := c.Cancel(t.Context(), 12345, nil); err != nil {
		t.Error(err)
	}
	if task, err := c.Task(t.Context(), 12345); err != nil || task.Status != chamelio.Cancelled {
		t.Errorf("got %q, %v", task.Status, err)
	}
}

func TestCancellableAndFinalStates(t *testing.T) {
	for status, want := range map[chamelio.Status][2]bool{
		chamelio.Pending: {true, false}, chamelio.InProgress: {true, false}, chamelio.Completed: {false, true},
		chamelio.Failed: {false, true}, chamelio.Cancelled: {false, true}, "paused": {false, false}, "": {false, false},
	} {
		if got := [2]bool{status.Cancellable(), status.Final()}; got != want {
			t.Errorf("%q: cancellable, final = %v", status, got)
		}
	}
}

func TestParsesUnusualOrgInfo(t *testing.T) {
	for body, want := range map[string]chamelio.OrgInfo{
		`{"org_name":"Acme","rate_limit_per_minute":120,"api_key_id":42,"entities":[]}`: {Name: "Acme", RateLimitPerMinute: 120, APIKeyID: 42},
		`{"org_name":17,"rate_limit_per_minute":"60","api_key_id":null}`:                {RateLimitPerMinute: 60},
		`{"org_name":"Acme","rate_limit_per_minute":{"minute":60}}`:                     {Name: "Acme"},
	} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: 200, Body: body})
		if got, err := newClient(t, api.URL()).OrgInfo(t.Context()); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{``, `null`, `[]`, `<html>`} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: 200, Body: body})
		if got, err := newClient(t, api.URL()).OrgInfo(t.Context()); err == nil {
			t.Errorf("%q counts as %+v", body, got)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"task":{"task_id":12345,"status":"canceled"}}`, `{"task_id":12345,"status":"cancelled"}`, `{"detail":"x"}`,
		`null`, `[]`, `{"task":null}`, `{"task":{"task_id":"12345","task_title":7,"collaborator_emails":[null],"step_runs":[{"status":1}]}}`,
	} {
		f.Add(200, seed)
		f.Add(401, seed)
	}
	body, status := "", 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	f.Cleanup(srv.Close)
	c, err := chamelio.New(chamelio.Options{BaseURL: srv.URL, APIKey: chameliotest.Key})
	if err != nil {
		f.Fatal(err)
	}
	c.SetRateLimit(1 << 30)
	f.Fuzz(func(t *testing.T, s int, b string) {
		status, body = 200+(s%400+400)%400, b
		if err := c.Cancel(t.Context(), 12345, nil); err == nil && (status != 200 || !strings.Contains(b, "ancel")) {
			t.Errorf("%d %q counts as a cancelled task", status, b)
		} else if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), chameliotest.Key) {
			t.Errorf("%v quotes the key", err)
		}
		task, err := c.Task(t.Context(), 12345)
		if err == nil && (status != 200 || task.ID != 12345 || task.StepsDone < 0 || task.StepsDone > task.StepsTotal) {
			t.Errorf("%d %q counts as task %v", status, b, task)
		}
	})
}
