package chameliotest_test

import (
	"fmt"
	"net/http"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The answer of a cancel request is lost, though it took effect.
func Example() {
	api := chameliotest.NewServer()
	defer api.Close()
	api.Break(chameliotest.Fault{Method: http.MethodPost, CutAfter: true, Times: 1})

	req, _ := http.NewRequest(http.MethodPost, api.URL()+"/tasks/12345/cancel", nil)
	req.Header.Set("X-API-Key", chameliotest.Key)
	_, err := http.DefaultClient.Do(req)
	task, _ := api.Task(12345)
	fmt.Println(err != nil, task.Status, api.Cancels(12345), api.Effects(12345))
	// Output: true cancelled 1 1
}
