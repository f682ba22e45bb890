package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// onlyAcknowledge is the baseline of BenchmarkAck: a bare Socket Mode client
// at the Web API's address. It acknowledges every envelope and, as the least
// that a bot could do, answers one that has a response_url with one line.
func onlyAcknowledge(api string) {
	if err := acknowledgeAll(api); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func acknowledgeAll(api string) error {
	client := slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(api))
	_, address, err := client.StartSocketModeContext(context.Background())
	if err != nil {
		return fmt.Errorf("asking for a connection: %w", err)
	}
	ws, _, err := websocket.DefaultDialer.Dial(address, nil)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	for {
		var e struct {
			ID      string `json:"envelope_id"`
			Payload struct {
				ResponseURL string `json:"response_url"`
			} `json:"payload"`
		}
		if err := ws.ReadJSON(&e); err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		if e.ID == "" {
			continue
		}
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"envelope_id":"`+e.ID+`"}`)); err != nil {
			return fmt.Errorf("acknowledging: %w", err)
		}
		if e.Payload.ResponseURL != "" {
			go answer(e.Payload.ResponseURL)
		}
	}
}

func answer(address string) {
	resp, err := http.Post(address, "application/json", strings.NewReader(`{"text":"help"}`))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_ = resp.Body.Close()
}
