package story;

import static java.nio.charset.StandardCharsets.UTF_8;
import static story.Expect.equal;
import static story.Expect.holds;
import static story.Expect.refused;

import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import okhttp3.Request;
import okhttp3.Response;
import org.example.gateway.ApiException;
import org.example.gateway.api.ConsumeApi;
import org.example.gateway.model.Encoding;
import org.example.gateway.model.JobState;
import org.example.gateway.model.JobStatistics;
import org.example.gateway.model.NewJob;
import org.example.gateway.model.NewJobs;
import org.example.gateway.model.Outcome;
import org.example.gateway.model.Problem;
import org.example.gateway.model.PutAnswer;
import org.example.gateway.model.PutResult;
import org.example.gateway.model.Reservation;
import org.example.gateway.model.Touched;
import org.example.gateway.model.UnheldState;

/** Jobs one by one: what becomes of each. */
final class Jobs {
    /** Not valid UTF-8. */
    private static final byte[] NO_TEXT = {0, (byte) 0xff, (byte) 0xfe, '\n', (byte) 0x80};

    private final Story story;

    Jobs(Story story) {
        this.story = story;
    }

    void tell() throws Exception {
        bytesThatAreNoText();
        rawBytes();
        putOnce();
        batchOfJobs();
        touching();
        releasedWithADelay();
        buriedAndKicked();
        deletedTwice();
    }

    private void bytesThatAreNoText() throws ApiException {
        PutAnswer put = story.produce.putJob("story-bytes", NO_TEXT).priority(7L).ttr(30L).execute();
        equal(PutAnswer.StateEnum.READY, put.getState());
        Reservation reserved = reserve("story-bytes");
        equal(put.getId(), reserved.getJob().getId());
        equal(7L, reserved.getJob().getPriority());
        equal(30L, reserved.getJob().getTtr());
        equal(Encoding.BASE64, reserved.getEncoding());
        equal(hex(NO_TEXT), hex(Base64.getDecoder().decode(reserved.getBody())));
        finish(reserved);
    }

    private void rawBytes() throws Exception {
        story.produce.putJob("story-raw", NO_TEXT).execute();
        ConsumeApi consume = story.consume;
        Request request = consume.reserveJobs("story-raw").buildCall(null).request();
        Request raw = request.newBuilder().header("Accept", "application/octet-stream").build();
        try (Response response = consume.getApiClient().getHttpClient().newCall(raw).execute()) {
            equal(201, response.code());
            equal(hex(NO_TEXT), hex(response.body().bytes()));
            consume.deleteReservedJob(response.header("Reservation")).execute();
        }
    }

    private void putOnce() throws ApiException {
        String key = UUID.randomUUID().toString();
        String id = story.produce.putJob("story-once", NO_TEXT).idempotencyKey(key).execute().getId();
        equal(id, story.produce.putJob("story-once", NO_TEXT).idempotencyKey(key).execute().getId());
        equal(1L, story.tend.getTube("story-once").execute().getTotalJobs());
    }

    private void batchOfJobs() throws ApiException {
        NewJobs jobs = new NewJobs()
                .addJobsItem(new NewJob().body("one"))
                .addJobsItem(new NewJob().body("no base64").encoding(Encoding.BASE64))
                .addJobsItem(new NewJob().body("dHdv").encoding(Encoding.BASE64).delay(100L));
        List<PutResult> results = story.produce.putJobs("story-batch", jobs).execute().getResults();
        equal(List.of(201, 400, 201), results.stream().map(PutResult::getStatus).toList());
        PutResult refused = results.get(1);
        equal("/problems/invalid-request", refused.getType());
        equal("The request is not valid", refused.getTitle());
        holds("the detail names base64", refused.getDetail().contains("base64"));
        equal(Outcome.NONE, refused.getOutcome());
        equal(JobState.DELAYED, results.get(2).getState());
    }

    private void touching() throws Exception {
        put("story-touch");
        Reservation reserved = reserve("story-touch");
        Thread.sleep(2);
        Touched touched = story.consume.touchReservedJob(reserved.getReservation()).execute();
        holds("it expires later", touched.getExpiresAt().isAfter(reserved.getExpiresAt()));
        finish(reserved);
    }

    private void releasedWithADelay() throws ApiException {
        String id = put("story-release");
        story.consume.releaseReservedJob(reserve("story-release").getReservation()).delay(100L).execute();
        JobStatistics job = story.tend.getJob(id).execute().getJob();
        equal(JobState.DELAYED, job.getState());
        holds("most of the delay is left", job.getTimeLeft() > 90);
        story.tend.kickJob(id).execute();
        Reservation again = reserve("story-release");
        equal(1L, again.getJob().getReleases());
        finish(again);
    }

    private void buriedAndKicked() throws ApiException {
        String id = put("story-bury");
        story.consume.buryReservedJob(reserve("story-bury").getReservation()).execute();
        equal(id, story.tend.peekJob("story-bury", UnheldState.BURIED).execute().getJob().getId());
        equal(1L, story.tend.kickJobs("story-bury", 10L).execute().getKicked());
        finish(reserve("story-bury"));
    }

    private void deletedTwice() throws Exception {
        put("story-delete");
        Reservation reserved = reserve("story-delete");
        for (int time = 1; time <= 2; time++) {
            equal(204, story.consume.deleteReservedJob(reserved.getReservation()).executeWithHttpInfo().getStatusCode());
        }
        Problem ended = refused(410, "reservation-ended",
                () -> story.consume.touchReservedJob(reserved.getReservation()).execute());
        equal("deleted", ended.getReason());
    }

    private String put(String tube) throws ApiException {
        return story.produce.putJob(tube, "work".getBytes(UTF_8)).execute().getId();
    }

    /** Takes a job that is there. */
    private Reservation reserve(String tube) throws ApiException {
        List<Reservation> reservations = story.consume.reserveJobs(tube).execute().getReservations();
        equal(1, reservations.size());
        return reservations.get(0);
    }

    private void finish(Reservation reserved) throws ApiException {
        story.consume.deleteReservedJob(reserved.getReservation()).execute();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
