package story;

import java.time.Duration;
import org.example.gateway.ApiClient;
import org.example.gateway.api.ConsumeApi;
import org.example.gateway.api.ProduceApi;
import org.example.gateway.api.TendApi;

/** The story that every generated client tells, here in Java. It prints nothing, or what was not as expected. */
public final class Story {
    private static final Duration LONGEST = Duration.ofSeconds(50);

    final ProduceApi produce;
    final ConsumeApi consume;
    final TendApi tend;

    Story(String url) {
        ApiClient client = clientOf(url);
        produce = new ProduceApi(client);
        consume = new ConsumeApi(client);
        tend = new TendApi(client);
    }

    public static void main(String[] arguments) throws Exception {
        endInTime();
        Story story = new Story(System.getenv("GATEWAY_URL"));
        new Jobs(story).tell();
        new Tubes(story).tell();
        new Waits(story).tell();
        new Problems(story).tell();
    }

    static ApiClient clientOf(String url) {
        return new ApiClient().setBasePath(url);
    }

    private static void endInTime() {
        Thread watch = new Thread(() -> {
            try {
                Thread.sleep(LONGEST.toMillis());
                System.err.println("not told within " + LONGEST);
                Runtime.getRuntime().halt(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        watch.setDaemon(true);
        watch.start();
    }
}
