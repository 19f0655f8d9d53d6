// The story that every generated client tells, here in Go. It prints nothing, or what was not as expected, and where.
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"example.org/worker/gateway"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	client := clientOf(os.Getenv("GATEWAY_URL"))

	bytesThatAreNoText(ctx, client)
	rawBytes(ctx, client)
	putOnce(ctx, client)
	batchOfJobs(ctx, client)
	touching(ctx, client)
	releasedWithADelay(ctx, client)
	buriedAndKicked(ctx, client)
	deletedTwice(ctx, client)

	jobsOfTwoTubes(ctx, client)
	settledTogether(ctx, client)
	figures(ctx, client)

	waitAnsweredByAPut(ctx, client)
	waitThatIsCut(ctx, client)

	refusals(ctx, client)
	generatedProblems(ctx)
	keys(ctx)
	everyOtherProblem(ctx)
}

// clientOf makes a client whose calls fail with the problem that was answered.
func clientOf(url string, options ...gateway.ClientOption) *gateway.ClientWithResponses {
	options = append([]gateway.ClientOption{gateway.WithHTTPClient(&gateway.Problems{})}, options...)
	return must(gateway.NewClientWithResponses(url, options...))
}

// withKey sends the key along with every call.
func withKey(key string) gateway.ClientOption {
	return gateway.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	})
}
