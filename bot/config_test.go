package bot

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

func TestNewRejectsBadConfiguration(t *testing.T) {
	good := Config{AppToken: secret.New("xapp-1"), BotToken: secret.New("xoxb-1")}
	for name, spoil := range map[string]func(*Config){
		"swapped tokens": func(c *Config) { c.AppToken, c.BotToken = c.BotToken, c.AppToken },
		"http":           func(c *Config) { c.SlackAPI = "http://slack.example/api/" },
		"connections":    func(c *Config) { c.Connections = 11 },
		"long TTL":       func(c *Config) { c.ConfirmTTL = time.Hour },
		"negative TTL":   func(c *Config) { c.ConfirmTTL = -time.Hour },
		"command":        func(c *Config) { c.Command = "cancel task" },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
