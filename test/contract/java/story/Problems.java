package story;

import static java.nio.charset.StandardCharsets.UTF_8;
import static story.Expect.equal;
import static story.Expect.holds;
import static story.Expect.refused;

import org.example.gateway.ApiClient;
import org.example.gateway.ApiException;
import org.example.gateway.api.ProduceApi;
import org.example.gateway.model.InvalidPart;
import org.example.gateway.model.JobState;
import org.example.gateway.model.Outcome;
import org.example.gateway.model.Problem;

/** Whatever can go wrong, as typed problems. */
final class Problems {
    private static final byte[] WORK = "work".getBytes(UTF_8);

    private final Story story;

    Problems(Story story) {
        this.story = story;
    }

    void tell() throws Exception {
        refusals();
        keys();
        everyOtherProblem();
    }

    private void refusals() throws Exception {
        Problem invalid = refused(400, "invalid-request",
                () -> story.consume.reserveJobs("story-refusals").count(101).execute());
        equal(1, invalid.getErrors().size());
        equal("count", invalid.getErrors().get(0).getName());
        equal(InvalidPart.InEnum.QUERY, invalid.getErrors().get(0).getIn());
        equal(Outcome.NONE, invalid.getOutcome());

        refused(404, "job-not-found", () -> story.tend.getJob("18446744073709551615").execute());
        refused(404, "tube-not-found", () -> story.tend.getTube("story-nowhere").execute());
        refused(404, "reservation-not-found",
                () -> story.consume.deleteReservedJob("made-up").executeWithHttpInfo());

        String id = story.produce.putJob("story-refusals", WORK).execute().getId();
        Problem conflict = refused(409, "job-state-conflict", () -> story.tend.kickJob(id).executeWithHttpInfo());
        equal(JobState.READY, conflict.getState());
        equal(Outcome.NONE, conflict.getOutcome());

        Problem tooBig = refused(413, "job-too-big",
                () -> story.produce.putJob("story-refusals", new byte[65_536]).execute());
        equal(65_535L, tooBig.getMaxJobSize());
    }

    private void keys() throws Exception {
        String url = System.getenv("KEYED_URL");
        ProduceApi anonymous = new ProduceApi(Story.clientOf(url));
        refused(401, "unauthorized", () -> anonymous.putJob("story-keys", WORK).execute());

        ApiClient client = Story.clientOf(url);
        client.setBearerToken(System.getenv("KEY"));
        ProduceApi insider = new ProduceApi(client);
        refused(403, "forbidden", () -> insider.putJob("elsewhere", WORK).execute());
        equal(201, insider.putJob("story-keys", WORK).executeWithHttpInfo().getStatusCode());
    }

    /** Answered by a server that gives each of them in turn. */
    private void everyOtherProblem() throws Exception {
        ProduceApi mirror = new ProduceApi(Story.clientOf(System.getenv("MIRROR_URL")));
        String[] names = System.getenv("MIRRORED").split(",");
        holds("there are several", names.length > 10);
        for (String name : names) {
            try {
                mirror.putJob(name, WORK).execute();
                throw new AssertionError("not refused with " + name);
            } catch (ApiException e) {
                Problem problem = Problem.fromJson(e.getResponseBody());
                equal("/problems/" + name, problem.getType());
                equal(e.getCode(), problem.getStatus());
                holds("an outcome with " + name, problem.getOutcome() != null);
                if (e.getCode() == 503) equal(Outcome.NONE, problem.getOutcome());
            }
        }
    }
}
