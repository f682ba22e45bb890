package cli_test

import (
	"encoding/base64"
	"os"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// wrapped are mistakes that can be seen in the environment alone: values in a
// form that people paste, and settings that would silently be ignored.
var wrapped = []misconfigured{
	{"a bot token with a byte-order mark", "SLACK_BOT_TOKEN=\ufeff" + slacktest.BotToken, nil, "SLACK_BOT_TOKEN begins with a byte-order mark", "Copy the Bot User OAuth Token"},
	{"a bot token's line", "SLACK_BOT_TOKEN=SLACK_BOT_TOKEN=" + slacktest.BotToken, nil, "SLACK_BOT_TOKEN is a whole line NAME=value", "Copy the Bot User OAuth Token"},
	{"a bot token in base64", "SLACK_BOT_TOKEN=" + base64.StdEncoding.EncodeToString([]byte(slacktest.BotToken)), nil, "SLACK_BOT_TOKEN is in base64", "Copy the Bot User OAuth Token"},
	{"an app token in quotes", `SLACK_APP_TOKEN="` + slacktest.AppToken + `"`, nil, "SLACK_APP_TOKEN is in quotation marks", "Generate an app-level token"},
	{"a refresh token", "SLACK_BOT_TOKEN=xoxe-1-hush", nil, "SLACK_BOT_TOKEN must be a bot token", "Copy the Bot User OAuth Token"},
	{"a proxy of no kind", "HTTPS_PROXY=socks4://u:topsecret@proxy:1080", nil, "HTTPS_PROXY has a scheme that is none of", "Set HTTPS_PROXY to the proxy's address"},
	{"a proxy's password with a slash", "HTTP_PROXY=http://u:topsecret/x@proxy:3128", nil, "HTTP_PROXY is not the address of a proxy", "Set HTTP_PROXY to the proxy's address"},
	{"certificates that are not there", "SSL_CERT_FILE=/nowhere/ca.pem", nil, "SSL_CERT_FILE names a file that cannot be read: no such file", "Correct SSL_CERT_FILE"},
	{"certificates that are empty", "SSL_CERT_FILE=" + os.DevNull, nil, "SSL_CERT_FILE names a file that is empty", "Correct SSL_CERT_FILE"},
	{"SQLite in the home directory", "DATABASE_URL=sqlite:~/j.db", nil, `DATABASE_URL has a "~"`, "Set DATABASE_URL to sqlite:PATH"},
	{"SQLite in a variable", "DATABASE_URL=sqlite:$DIR/j.db", nil, `DATABASE_URL has a "$"`, "Set DATABASE_URL to sqlite:PATH"},
	{"Postgres in quotes", `DATABASE_URL="postgres://u:topsecret@db/x"`, nil, "DATABASE_URL is in quotation marks", "Set DATABASE_URL to"},
	{"Postgres with a bad password", "DATABASE_URL=postgres://u:topsecret%@db/x", nil, `DATABASE_URL has a "%"`, "Set DATABASE_URL to"},
	{"Postgres without its certificate", "DATABASE_URL=postgres://u:topsecret@db/x?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", nil, "DATABASE_URL names a file for TLS that can't be read: /nowhere/ca.pem", "Set DATABASE_URL to"},
}
