package bot_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// counted returns the value of a counter or a gauge for the values of its labels, in the order
// of the labels' names.
func counted(t *testing.T, from prometheus.Gatherer, name string, values ...string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			same := f.GetName() == name && len(m.GetLabel()) == len(values)
			for i, l := range m.GetLabel() {
				same = same && l.GetValue() == values[i]
			}
			if same {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Errorf("no %s%q", name, values)
	return -1
}

func TestRateLimitedCommandsCountAsCommands(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute, o.bot.Metrics = 1, registry })
	w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.slash(ada, general, "/cancel-task 12345")
	w.eventually("the second is refused", func() bool {
		return counted(t, registry, "cancelbot_refusals_total", "too_many_commands", "command") == 1
	})
	for result, want := range map[string]float64{"prompted": 1, "refused": 1, "explained": 0, "not_understood": 0} {
		if got := counted(t, registry, "cancelbot_commands_total", result); got != want {
			t.Errorf("%s: %v, want %v", result, got, want)
		}
	}
}

func TestRefusedWithdrawalIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, secondPerson, func(o *options) { o.bot.Metrics = registry })
	prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
	w.acked(w.slack.Click(grace, prompt, "keep_task"))
	w.eventually("it is refused", func() bool { return len(w.slack.Private(grace, general)) > 0 })
	if got := counted(t, registry, "cancelbot_refusals_total", "only_requester_withdraws", "click"); got != 1 {
		t.Errorf("counted %v times", got)
	}
}

func TestRefusalsBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	newWorld(t, func(o *options) { o.bot.Metrics = registry })
	reasons := map[string][]string{"command": {"too_many_commands"}, "click": {"too_many_clicks", "malformed", "forged", "expired", "not_theirs", "invalid", "only_requester_withdraws"}}
	for _, code := range policy.Codes() {
		reasons["command"], reasons["click"] = append(reasons["command"], string(code)), append(reasons["click"], string(code))
	}
	for stage, all := range reasons {
		for _, reason := range all {
			if got := counted(t, registry, "cancelbot_refusals_total", reason, stage); got != 0 {
				t.Errorf("%s, %s: %v", stage, reason, got)
			}
		}
	}
}

func TestSocketModeSeriesBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	newWorld(t, func(o *options) { o.bot.Metrics = registry })
	for _, reason := range []socketmode.Reason{
		socketmode.ReasonWarning, socketmode.ReasonRefreshRequested, socketmode.ReasonLinkDisabled, socketmode.ReasonTooMany,
		socketmode.ReasonOther, socketmode.ReasonLost, socketmode.ReasonCannotConnect,
	} {
		counted(t, registry, "cancelbot_slack_reconnects_total", string(reason))
	}
	for _, kind := range []socketmode.Anomaly{socketmode.GarbageFrame, socketmode.OversizedAck, socketmode.Unacknowledged} {
		counted(t, registry, "cancelbot_slack_socket_anomalies_total", string(kind))
	}
}
