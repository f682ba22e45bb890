package bot

import (
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// SampleTime is when the samples of TypicalSamples are read.
var SampleTime = time.Date(2026, 3, 2, 9, 31, 0, 0, time.UTC)

func sampleTexts() texts {
	cfg := Config{Policy: policy.Rules{Channels: []policy.ChannelID{"C0GENERAL", "C0RANDOM"}}}
	_, _ = cfg.complete()
	return newTexts(cfg)
}

func typical() example {
	at := func(hours int) chamelio.Timestamp {
		return chamelio.Timestamp{Time: SampleTime.Add(time.Duration(-hours) * time.Hour)}
	}
	return example{
		task: chamelio.Task{
			ID: 12345, URL: "https://app.chamelio.ai/workflows/tasks/12345", Title: "Master agreement with Globex", Workflow: "Contract review",
			Status: chamelio.InProgress, Step: "Legal approval", StepType: chamelio.StepApproval, StepsDone: 3, StepsTotal: 5,
			CreatedAt: at(290), UpdatedAt: at(3), Owner: "ada@acme.example", Assignee: "grace@acme.example",
		},
		reason: "duplicate of 12346", detail: "Task is locked", user: "U0ADA", other: "U0GRACE", channel: "C0GENERAL",
		permalink: "https://acme.slack.com/archives/C0GENERAL/p1772443860000000", now: SampleTime.Add(-time.Minute), retryAfter: 30 * time.Second,
	}
}

// TypicalSamples are all messages, with data as it usually is.
func TypicalSamples() []Sample { return samples(sampleTexts(), typical()) }

// HostileSamples are all messages, with data that was made to break them.
func HostileSamples() map[string][]Sample {
	all := map[string][]Sample{"longest": SampleMessages(Config{}), "longest setup": samples(longestTexts(), longest())}
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
		w.operator = text
		all[name] = samples(w, e)
	}
	return all
}

func longestTexts() texts {
	w := sampleTexts()
	w.operator = strings.Repeat("&", 1000)
	w.asks = true
	for range 200 {
		w.channels = append(w.channels, policy.ChannelID("C"+strings.Repeat("W", 20)))
		w.approvers = append(w.approvers, "S"+strings.Repeat("W", 20), "U"+strings.Repeat("W", 20))
	}
	w.command = "/" + strings.Repeat("c", 31) // the longest that Slack takes
	return w
}
