package texts

import (
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// sampleTime is when the samples of typicalSamples are read.
var sampleTime = time.Date(2026, 3, 2, 9, 31, 0, 0, time.UTC)

func sampleTexts() Texts {
	return Texts{Command: "/cancel-task", Channels: []policy.ChannelID{"C0GENERAL", "C0RANDOM"}, MaxTasks: 25}
}

func typical() example {
	at := func(hours int) chamelio.Timestamp {
		return chamelio.Timestamp{Time: sampleTime.Add(time.Duration(-hours) * time.Hour)}
	}
	return example{
		task: chamelio.Task{
			ID: 12345, URL: "https://app.chamelio.ai/workflows/tasks/12345", Title: "Master agreement with Globex", Workflow: "Contract review",
			Status: chamelio.InProgress, Step: "Legal approval", StepType: chamelio.StepApproval, StepsDone: 3, StepsTotal: 5,
			CreatedAt: at(290), UpdatedAt: at(3), Owner: "ada@acme.example", Assignee: "grace@acme.example",
		},
		reason: "duplicate of 12346", detail: "Task is locked", user: "U0ADA", other: "U0GRACE", channel: "C0GENERAL",
		permalink: "https://acme.slack.com/archives/C0GENERAL/p1772443860000000", now: sampleTime.Add(-time.Minute), retryAfter: 30 * time.Second,
	}
}

// typicalSamples are all messages, with data as it usually is.
func typicalSamples() []sample { return samples(sampleTexts(), typical()) }

// hostileSamples are all messages, with data that was made to break them.
func hostileSamples() map[string][]sample {
	all := map[string][]sample{"longest": samples(Texts{Command: "/cancel-task", MaxTasks: 25}, longest()), "longest setup": samples(longestTexts(), longest())}
	empty := typical()
	empty.task = chamelio.Task{ID: 1}
	empty.reason, empty.detail, empty.permalink = "", "", ""
	all["null fields"] = samples(sampleTexts(), empty)
	for name, text := range map[string]string{
		"pings":     "<!channel> <!here|x> <@U0EVIL> <#C0EVIL> @channel @here #general <!subteam^S0EVIL>",
		"links":     "<https://evil.example|Chamelio> https://evil.example evil.example mailto:x@evil.example <mailto:x@evil.example|y>",
		"format":    "*b* _i_ ~s~ `c` ```d``` >q\n> q :tada: :white_check_mark: {Task} {by} {again} %s %d %!v &lt;!channel&gt; &amp;",
		"newlines":  "a\nb\r\nc\u2028d\u2029e\vf\x00g\x1b[31m",
		"RTL":       "עסקה 5 \u202eabc\u202c \u2067x\u2069 اتفاق \u200f",
		"emoji":     strings.Repeat("👩‍👩‍👧‍👦🏳️‍🌈1️⃣", 300),
		"invisible": "\u200b\u00ad\u3164\U000e0041\ufeff\u2060\u034f\u115f\u2800\u0301",
		"zalgo":     strings.Repeat("a"+strings.Repeat("\u0301", 100), 200),
		"not UTF-8": "\xff\xfe" + strings.Repeat("\xf0\x9f", 500),
		"title":     strings.Repeat("Master agreement & <more> ", 400),
	} {
		e := typical()
		e.task.Title, e.task.Workflow, e.task.Step, e.task.Owner, e.task.Assignee = text, text, text, text, text
		e.task.URL = "https://evil.example/tasks/1"
		e.task.Status = chamelio.Status(text)
		e.reason, e.detail, e.typed = text, text, text
		w := sampleTexts()
		w.Operator = text
		all[name] = samples(w, e)
	}
	return all
}

func longestTexts() Texts {
	w := sampleTexts()
	w.Operator = strings.Repeat("&", 1000)
	w.AsksReason = true
	for range 200 {
		w.Channels = append(w.Channels, policy.ChannelID("C"+strings.Repeat("W", 20)))
		w.Approvers = append(w.Approvers, "S"+strings.Repeat("W", 20), "U"+strings.Repeat("W", 20))
	}
	w.Command = "/" + strings.Repeat("c", 31) // the longest that Slack takes
	return w
}
