package cli

import (
	"os"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// redactors keep secrets out of the output, and out of answers from servers,
// and so out of messages and the journal.
//
// The database's password is only kept out of the output: neither Slack nor
// Chamelio knows it, and a weak one may be an ordinary word.
type redactors struct{ output, answers *secret.Redactor }

func (cfg config) redactors() redactors {
	r := redactors{secret.NewRedactor(append(telemetrySecrets(), databasePassword(cfg.DatabaseURL), proxyPassword("HTTPS_PROXY"), proxyPassword("https_proxy"))...), secret.NewRedactor()}
	r.learn(cfg.SlackAppToken, cfg.SlackBotToken, cfg.ChamelioAPIKey)
	return r
}

// proxyPassword returns the password in the address of a proxy.
func proxyPassword(variable string) secret.Value {
	return passwordIn(secret.New(os.Getenv(variable)))
}

// learn adds a token or a key.
func (r redactors) learn(secrets ...secret.Value) {
	r.output.Learn(secrets...)
	r.answers.Learn(secrets...)
}
