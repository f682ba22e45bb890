package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// redactors keep secrets out of the output, and out of answers from servers,
// and so out of messages and the journal.
//
// The database's password is only kept out of the output: neither Slack nor
// Chamelio knows it, and a weak one may be an ordinary word.
type redactors struct{ output, answers *secret.Redactor }

func (cfg config) redactors() redactors {
	given := []secret.Value{cfg.SlackAppToken, cfg.SlackBotToken, cfg.ChamelioAPIKey}
	r := redactors{secret.NewRedactor(append(telemetrySecrets(), databasePassword(cfg.DatabaseURL), proxyPassword("HTTPS_PROXY"), proxyPassword("https_proxy"))...), secret.NewRedactor()}
	r.output.Learn(given...) // whatever their form: what is wrong with them is printed
	r.learn(given...)
	return r
}

// proxyPassword returns the password in the address of a proxy.
func proxyPassword(variable string) secret.Value {
	return passwordIn(secret.New(os.Getenv(variable)))
}

// learn adds tokens and keys. A text of another form is none: it is never sent, so no
// server can quote it. It may be an everyday word, such as a task's status or an error's
// code, and an answer without it would be misread.
func (r redactors) learn(secrets ...secret.Value) {
	for _, one := range secrets {
		if isCredential(one.Reveal()) {
			r.output.Learn(one)
			r.answers.Learn(one)
		}
	}
}

// isCredential reports whether a text has the form of a token or a key.
func isCredential(text string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	return slices.ContainsFunc(slices.Concat(prefixes["SLACK_APP_TOKEN"], prefixes["SLACK_BOT_TOKEN"], prefixes["CHAMELIO_API_KEY"]), begins)
}
