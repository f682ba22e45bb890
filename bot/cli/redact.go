package cli

import (
	"os"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// redactors keep secrets out of what is written, and out of what servers
// answer, and so out of messages and the journal.
//
// The database's password is kept out of what is written alone: neither Slack
// nor Chamelio knows it, and a weak one may be a word that they have to say.
type redactors struct{ output, answers *secret.Redactor }

func (cfg config) redactors() redactors {
	r := redactors{secret.NewRedactor(append(telemetrySecrets(), databasePassword(cfg.DatabaseURL), proxyPassword("HTTPS_PROXY"), proxyPassword("https_proxy"))...), secret.NewRedactor()}
	r.learn(cfg.SlackAppToken, cfg.SlackBotToken, cfg.ChamelioAPIKey)
	return r
}

// proxyPassword is what is secret in the address of a proxy.
func proxyPassword(variable string) secret.Value {
	return passwordIn(secret.New(os.Getenv(variable)))
}

// learn adds a token or a key.
func (r redactors) learn(secrets ...secret.Value) {
	r.output.Learn(secrets...)
	r.answers.Learn(secrets...)
}
