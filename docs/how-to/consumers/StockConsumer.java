// This file holds a complete consumer of a blood ledger's facts and stock, of kafka-clients and avro alone.
//
// It reads the facts and checks that none was lost, altered, put elsewhere or slipped in; and it reads the stock, which
// is then counted as the ledger counts it. What is done here, any program can do. The rules it follows:
// docs/reference/kafka.md.
//
//     mvn -f pom.xml dependency:copy-dependencies -DoutputDirectory=jars
//     java -cp 'jars/*' StockConsumer.java --kafka localhost:9092 --schemas schemas --until-caught-up
//
// Exit codes: 0 done; 1 a chain is broken, one line says where; 2 usage; 3 Kafka or the registry is away.

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Comparator.comparing;
import static java.util.Comparator.naturalOrder;
import static java.util.Comparator.nullsFirst;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class StockConsumer {
    static final String FACTS = "blood.facts.v1";
    static final String STOCK = "blood.stock.v1";
    /** How long Kafka may say nothing at all. */
    static final Duration PATIENCE = Duration.ofSeconds(10);
    /** How long a number may be missing at the end of a partition: whoever sends may be about to. */
    static final Duration GRACE = Duration.ofSeconds(10);

    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    static int run(String[] arguments) {
        try (Following following = new Following(Options.of(arguments))) {
            following.run();
            return 0;
        } catch (Usage usage) {
            System.err.println(usage.getMessage());
            return 2;
        } catch (Broken broken) {
            System.err.println(broken.getMessage());
            return 1;
        } catch (KafkaException | IOException | InterruptedException away) {
            System.err.println("Kafka or the registry is away: " + away.getMessage());
            return 3;
        }
    }

    /** What is on Kafka is not what the ledger sent. */
    static final class Broken extends RuntimeException {
        Broken(String message) {
            super(message);
        }
    }

    static final class Usage extends RuntimeException {
        Usage(String message) {
            super(message);
        }
    }

    // ── values: Avro, with the schema's fingerprint or with its number in a registry ────────────────────────

    /** Every schema of a folder by its fingerprint, and those of a registry by their number. */
    static final class Schemas {
        private static final int HEADER_SIZE = 10;
        private final Map<ByteBuffer, GenericDatumReader<GenericRecord>> byHeader = new HashMap<>();
        private final Map<Integer, byte[]> byNumber = new HashMap<>();
        private final Optional<String> registry;

        Schemas(Path folder, Optional<String> registry) throws IOException {
            this.registry = registry;
            List<Path> files;
            try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
                files = all.filter(path -> path.toString().endsWith(".avsc")).toList();
            }
            if (files.isEmpty()) {
                throw new Usage("there are no .avsc files in " + folder);
            }
            for (Path file : files) {
                add(new Schema.Parser().parse(Files.readString(file)));
            }
        }

        private byte[] add(Schema schema) {
            byte[] header = header(schema);
            byHeader.putIfAbsent(ByteBuffer.wrap(header), new GenericDatumReader<>(schema));
            return header;
        }

        /** What a single-object encoding begins with: a marker and the schema's fingerprint, little-endian. */
        static byte[] header(Schema schema) {
            try {
                return joined(
                        new byte[] {(byte) 0xC3, 1}, SchemaNormalization.parsingFingerprint("CRC-64-AVRO", schema));
            } catch (NoSuchAlgorithmException impossible) {
                throw new AssertionError(impossible);
            }
        }

        /** The single-object encoding, which is what the ledger stored, whatever the framing. */
        byte[] stored(byte[] value, String where) throws IOException, InterruptedException {
            if (value.length >= 2 && value[0] == (byte) 0xC3 && value[1] == 1) {
                return value;
            }
            if (value.length >= 5 && value[0] == 0 && registry.isPresent()) {
                byte[] header = registered(ByteBuffer.wrap(value, 1, 4).getInt());
                return joined(header, Arrays.copyOfRange(value, 5, value.length));
            }
            throw new Broken(where + ": a value that is no Avro of the ledger (is there a registry?)");
        }

        private byte[] registered(int number) throws IOException, InterruptedException {
            byte[] known = byNumber.get(number);
            if (known == null) {
                URI address = URI.create(registry.orElseThrow() + "/schemas/ids/" + number);
                HttpRequest request = HttpRequest.newBuilder(address).timeout(PATIENCE).build();
                var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
                if (answer.statusCode() != 200) {
                    throw new IOException(address + " answers " + answer.statusCode());
                }
                String schema = new ObjectMapper().readTree(answer.body()).get("schema").asText();
                known = add(new Schema.Parser().parse(schema));
                byNumber.put(number, known);
            }
            return known;
        }

        GenericRecord read(byte[] stored, String where) {
            byte[] header = Arrays.copyOf(stored, HEADER_SIZE);
            GenericDatumReader<GenericRecord> reader = byHeader.get(ByteBuffer.wrap(header));
            if (reader == null) {
                throw new Broken(where + ": no .avsc file has this fingerprint; get those of the newest release");
            }
            try {
                BinaryDecoder body = DecoderFactory.get()
                        .binaryDecoder(stored, HEADER_SIZE, stored.length - HEADER_SIZE, null);
                return reader.read(null, body);
            } catch (IOException | RuntimeException damaged) {
                throw new Broken(where + ": the bytes of a " + reader.getSchema().getFullName() + " are damaged");
            }
        }
    }

    /** A field of a record as plain text; null when it has none. */
    static String text(GenericRecord record, String field) {
        return Objects.toString(record.get(field), null);
    }

    static long number(GenericRecord record, String field) {
        return ((Number) record.get(field)).longValue();
    }

    /** An exact amount; null when none is known. */
    static BigDecimal amount(GenericRecord row) {
        if (!(row.get("amount") instanceof ByteBuffer bytes)) {
            return null;
        }
        Schema union = row.getSchema().getField("amount").schema();
        var decimal = (LogicalTypes.Decimal) union.getTypes().get(1).getLogicalType();
        byte[] unscaled = new byte[bytes.remaining()];
        bytes.duplicate().get(unscaled);
        return new BigDecimal(new BigInteger(unscaled), decimal.getScale());
    }

    // ── facts: one chain per ledger and partition ───────────────────────────────────────────────────────────

    static byte[] joined(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }

    /** Each part after its length in four bytes, big-endian. */
    static byte[] sized(byte[]... parts) {
        return joined(Arrays.stream(parts)
                .flatMap(part -> Stream.of(bytes(part.length), part))
                .toArray(byte[][]::new));
    }

    static byte[] bytes(int number) {
        return ByteBuffer.allocate(4).putInt(number).array();
    }

    static byte[] bytes(long number) {
        return ByteBuffer.allocate(8).putLong(number).array();
    }

    static byte[] sha256(byte[] data) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(data);
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** The hash that stands for a fact in its ledger's Merkle tree: it covers all of it. */
    static byte[] leafHash(GenericRecord envelope, byte[] stored) {
        byte[] fields = sized(
                bytes(number(envelope, "position")),
                text(envelope, "stream").getBytes(UTF_8),
                bytes(number(envelope, "version")),
                text(envelope, "name").getBytes(UTF_8),
                bytes(number(envelope, "recorded_at")),
                stored);
        return sha256(joined(new byte[] {0}, "bloodledger/leaf/v1".getBytes(UTF_8), fields));
    }

    /** The DIN of a bag's or a donation's stream, else the stream's own name. */
    static String keyOf(String stream) {
        boolean hasDin = stream.length() >= 13
                && !stream.substring(0, 13).contains(":")
                && (stream.length() == 13 || stream.charAt(13) == '=' || stream.charAt(13) == '#');
        return hasDin ? stream.substring(0, 13) : stream;
    }

    /**
     * The facts of one ledger in one partition, in the order of their numbers.
     *
     * <p>All hashes are kept, 32 bytes a fact, so that a second copy of any fact is checked like the first.
     */
    static final class Chain {
        final String ledger;
        final String topic;
        final int partition;
        long position;
        private byte[] hashes = new byte[32 * 1024];
        private int number;
        private boolean altered; // whether the one that is due was met with another content
        private long ahead = Long.MAX_VALUE; // the lowest number met beyond the one that is due
        private long highest;

        Chain(String ledger, String topic, int partition) {
            this.ledger = ledger;
            this.topic = topic;
            this.partition = partition;
            byte[] start = sized(
                    "bloodledger/chain/v1".getBytes(UTF_8),
                    ledger.getBytes(UTF_8),
                    topic.getBytes(UTF_8),
                    bytes(partition));
            put(0, sha256(start));
        }

        /** How many facts fit. */
        int number() {
            return number;
        }

        private byte[] hash(int at) {
            return Arrays.copyOfRange(hashes, 32 * at, 32 * at + 32);
        }

        private void put(int at, byte[] hash) {
            if (32 * at == hashes.length) {
                hashes = Arrays.copyOf(hashes, 2 * hashes.length);
            }
            System.arraycopy(hash, 0, hashes, 32 * at, 32);
        }

        /** One more record: the next fact, one that was sent before, or one that comes too early. */
        void take(long sent, byte[] claimed, byte[] leaf, long position) {
            int due = number + 1;
            highest = Math.max(highest, sent);
            if (sent > due) {
                ahead = Math.min(ahead, sent);
                return; // whoever sends will send again, from the one that is due
            }
            if (sent < 1) {
                throw new Broken(this + ": a record has number " + sent + ", and the first is 1");
            }
            byte[] computed = sha256(sized(hash((int) sent - 1), leaf));
            boolean fits = Arrays.equals(claimed, computed);
            if (sent < due) {
                if (!fits || !Arrays.equals(computed, hash((int) sent))) {
                    throw new Broken(this + ": number " + sent + " came again with another content: forked");
                }
                return; // the same as before
            }
            if (!fits) {
                altered = true;
                return; // not what the ledger sent: that is still to come
            }
            put(due, computed);
            number = due;
            this.position = position;
            altered = false;
            ahead = Long.MAX_VALUE;
        }

        /** Why nothing can be taken any more, should nothing more come. */
        Optional<String> standstill() {
            if (highest <= number) {
                return Optional.empty();
            }
            long first = number + 1;
            long last = Math.min(ahead, highest + 1) - 1;
            if (altered) {
                return Optional.of(this + ": number " + first + " does not follow from number " + number
                        + ": altered, or another's");
            }
            String missing = first == last ? "number " + first + " is" : "numbers " + first + " to " + last + " are";
            return Optional.of(this + ": " + missing + " missing");
        }

        @Override
        public String toString() {
            return topic + "/" + partition + ", ledger " + ledger;
        }
    }

    /** The chains of every ledger on the topic. */
    static final class Facts {
        private final String topic;
        private final Schemas schemas;
        private final Optional<String> ledger;
        private final Map<String, Map<Integer, Chain>> chains = new TreeMap<>();

        Facts(String topic, Schemas schemas, Optional<String> ledger) {
            this.topic = topic;
            this.schemas = schemas;
            this.ledger = ledger;
        }

        void take(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException {
            String where = place(record);
            if (record.value() == null) {
                throw new Broken(where + ": no fact, it lacks its value or a header");
            }
            GenericRecord envelope = schemas.read(header(record, "envelope", where), where);
            String from = text(envelope, "ledger");
            if (ledger.isPresent() && !ledger.get().equals(from)) {
                return;
            }
            long number;
            try {
                number = ByteBuffer.wrap(header(record, "number", where)).getLong();
            } catch (BufferUnderflowException shorter) {
                throw new Broken(where + ": its number has no eight bytes");
            }
            String stream = text(envelope, "stream");
            if (!Arrays.equals(record.key(), keyOf(stream).getBytes(UTF_8))) {
                throw new Broken(where + ": number " + number + " is a fact of " + stream + " under another key");
            }
            byte[] leaf = leafHash(envelope, schemas.stored(record.value(), where));
            chains.computeIfAbsent(from, id -> new TreeMap<>())
                    .computeIfAbsent(record.partition(), partition -> new Chain(from, topic, partition))
                    .take(number, header(record, "hash", where), leaf, number(envelope, "position"));
        }

        private static byte[] header(ConsumerRecord<byte[], byte[]> record, String name, String where) {
            Header found = record.headers().lastHeader(name);
            if (found == null || found.value() == null) {
                throw new Broken(where + ": no fact, it lacks its value or a header");
            }
            return found.value();
        }

        private Stream<Chain> all() {
            return chains.values().stream().flatMap(each -> each.values().stream());
        }

        Optional<String> standstill() {
            return all().flatMap(chain -> chain.standstill().stream()).findFirst();
        }

        List<Map<String, Object>> verified() {
            return all().map(chain -> row(
                            "topic", chain.topic,
                            "partition", chain.partition,
                            "ledger", chain.ledger,
                            "number", chain.number(),
                            "position", chain.position))
                    .toList();
        }
    }

    static String place(ConsumerRecord<byte[], byte[]> record) {
        return record.topic() + "/" + record.partition() + ", offset " + record.offset();
    }

    // ── stock: the newest record of each key ────────────────────────────────────────────────────────────────

    record Bag(String ledger, String name) {
        static Bag of(GenericRecord said) {
            return new Bag(text(said, "ledger"), text(said, "bag"));
        }
    }

    record Shelf(String facility, String component, String group, String rhd, String status, String measure)
            implements Comparable<Shelf> {
        @Override
        public int compareTo(Shelf other) {
            return Arrays.compare(inOrder(), other.inOrder(), nullsFirst(naturalOrder()));
        }

        private String[] inOrder() {
            return new String[] {facility, component, group, rhd, status, measure};
        }
    }

    /** What the stock topic says now. */
    static final class Stock {
        private final Schemas schemas;
        private final Optional<String> ledger;
        private final Map<String, GenericRecord> rows = new HashMap<>();
        private final Map<String, GenericRecord> incomplete = new HashMap<>();
        private final Map<String, GenericRecord> stale = new HashMap<>();

        Stock(Schemas schemas, Optional<String> ledger) {
            this.schemas = schemas;
            this.ledger = ledger;
        }

        void take(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException {
            String key = new String(record.key(), UTF_8);
            if (record.value() == null) { // a tombstone: whatever the key stood for is no more
                Stream.of(rows, incomplete, stale).forEach(each -> each.remove(key));
                return;
            }
            String where = place(record);
            GenericRecord said = schemas.read(schemas.stored(record.value(), where), where);
            Map<String, GenericRecord> kept = switch (said.getSchema().getName()) {
                case "StockRow" -> rows;
                case "Incomplete" -> incomplete;
                case "Stale" -> stale;
                default -> throw new Broken(where + ": a " + said.getSchema().getName()
                        + " is not known here; what else is said of the stock cannot be trusted");
            };
            if (ledger.isPresent() && !ledger.get().equals(text(said, "ledger"))) {
                return;
            }
            GenericRecord before = kept.get(key);
            if (kept == rows && before != null && number(before, "version") > number(said, "version")) {
                return; // an old row of somebody who came late
            }
            kept.put(key, said);
        }

        private Set<Bag> apart() {
            return incomplete.values().stream().map(Bag::of).collect(Collectors.toSet());
        }

        /** The stock as `bloodledger stock` groups it; a bag with an unread fact behind it is apart. */
        List<Map<String, Object>> rows() {
            Set<Bag> apart = apart();
            Map<Shelf, List<GenericRecord>> shelves = rows.values().stream()
                    .collect(Collectors.groupingBy(row -> shelf(row, apart), TreeMap::new, Collectors.toList()));
            List<Map<String, Object>> answer = new ArrayList<>();
            shelves.forEach((shelf, bags) -> answer.add(row(
                    "facility", shelf.facility(),
                    "component", shelf.component(),
                    "group", shelf.group(),
                    "rhd", shelf.rhd(),
                    "status", shelf.status(),
                    "measure", shelf.measure(),
                    "bags", bags.size(),
                    "quantity", exactSum(bags))));
            return answer;
        }

        private static Shelf shelf(GenericRecord row, Set<Bag> apart) {
            String status = apart.contains(Bag.of(row)) ? "incomplete" : text(row, "status");
            return new Shelf(
                    text(row, "facility"),
                    text(row, "component"),
                    text(row, "group"),
                    text(row, "rhd"),
                    status,
                    text(row, "measure"));
        }

        /** The sum without idle zeros; null when no amount is known. */
        private static String exactSum(List<GenericRecord> bags) {
            return bags.stream()
                    .map(StockConsumer::amount)
                    .filter(Objects::nonNull)
                    .reduce(BigDecimal::add)
                    .map(sum -> sum.stripTrailingZeros().toPlainString())
                    .orElse(null);
        }

        int incomplete() {
            return apart().size();
        }

        List<Map<String, Object>> stale() {
            return stale.values().stream()
                    .sorted(comparing((GenericRecord each) -> text(each, "ledger"))
                            .thenComparing(each -> text(each, "topic"))
                            .thenComparing(each -> number(each, "partition")))
                    .map(each -> row(
                            "ledger", text(each, "ledger"),
                            "topic", text(each, "topic"),
                            "partition", number(each, "partition"),
                            "number", number(each, "number"),
                            "reason", text(each, "reason")))
                    .toList();
        }
    }

    /** Names and values, in this order; a value may be null. */
    static Map<String, Object> row(Object... namesAndValues) {
        Map<String, Object> row = new LinkedHashMap<>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
            row.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        return row;
    }

    // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

    interface Taking {
        void take(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException;
    }

    /**
     * All partitions asked for, from their beginning. A program that keeps its rows in a database keeps the next
     * offset, the number and the hash of each partition with them, in one transaction, and begins there.
     */
    static final class Topics implements AutoCloseable {
        private final KafkaConsumer<byte[], byte[]> consumer;

        Topics(String address, Map<String, List<Integer>> wanted) {
            Properties settings = new Properties();
            settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, address);
            settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
            settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
            settings.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) PATIENCE.toMillis());
            settings.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) PATIENCE.toMillis());
            settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5000);
            // `read_committed` or not: both are right. A row of the stock is in the view's database before it is
            // sent, so a row of a transaction that was given up is true as well, and is sent again.
            settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
            consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            Set<TopicPartition> found = new TreeSet<>(comparing(TopicPartition::toString));
            wanted.forEach((topic, partitions) ->
                    partitions(topic, partitions).forEach(each -> found.add(new TopicPartition(topic, each))));
            consumer.assign(found);
            consumer.seekToBeginning(found);
        }

        private List<Integer> partitions(String topic, List<Integer> wanted) {
            List<Integer> found = consumer.partitionsFor(topic).stream().map(PartitionInfo::partition).toList();
            if (found.isEmpty() || !found.containsAll(wanted)) {
                throw new KafkaException("there is no topic " + topic + " with these partitions");
            }
            return wanted.isEmpty() ? found : wanted;
        }

        /** Hands on what is there until each partition's end of this moment is reached; whether there was anything. */
        boolean toTheEnd(Taking taking) throws IOException, InterruptedException {
            Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
            boolean any = false;
            long heard = System.nanoTime();
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                if (poll(Duration.ofMillis(500), taking)) {
                    any = true;
                    heard = System.nanoTime();
                } else if (System.nanoTime() - heard > PATIENCE.toNanos()) {
                    throw new KafkaException("nothing was heard for " + PATIENCE.toSeconds() + " seconds");
                }
            }
            return any;
        }

        /** Hands on what comes within that time; whether there was anything. */
        boolean poll(Duration within, Taking taking) throws IOException, InterruptedException {
            var records = consumer.poll(within);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                taking.take(record);
            }
            return !records.isEmpty();
        }

        @Override
        public void close() {
            consumer.close();
        }
    }

    /** Facts and stock, as they come. */
    static final class Following implements AutoCloseable {
        private final Options options;
        private final Facts facts;
        private final Stock stock;
        private final String stockTopic;
        private final Topics topics;

        Following(Options options) throws IOException {
            this.options = options;
            Schemas schemas = new Schemas(Path.of(options.required("--schemas")), options.get("--registry"));
            String factsTopic = options.get("--facts-topic").orElse(FACTS);
            String prefix = options.get("--prefix").orElse("");
            facts = new Facts(factsTopic, schemas, options.get("--ledger"));
            stock = new Stock(schemas, options.get("--ledger"));
            stockTopic = prefix + STOCK;
            topics = new Topics(
                    options.required("--kafka"), Map.of(prefix + factsTopic, options.partitions(), stockTopic, List.of()));
        }

        void run() throws IOException, InterruptedException {
            boolean untilCaughtUp = options.has("--until-caught-up");
            boolean changed = true;
            Optional<Long> stillSince = Optional.empty();
            while (true) {
                changed |= topics.toTheEnd(this::take);
                Optional<String> why = facts.standstill();
                if (why.isPresent()) {
                    long since = stillSince.orElse(System.nanoTime());
                    stillSince = Optional.of(since);
                    if (untilCaughtUp || System.nanoTime() - since > GRACE.toNanos()) {
                        throw new Broken(why.get());
                    }
                } else {
                    stillSince = Optional.empty();
                    if (changed) {
                        show();
                    }
                    changed = false;
                }
                if (untilCaughtUp) {
                    return;
                }
                changed |= topics.poll(Duration.ofSeconds(1), this::take);
            }
        }

        private void take(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException {
            if (record.topic().equals(stockTopic)) {
                stock.take(record);
            } else {
                facts.take(record);
            }
        }

        private void show() throws IOException {
            List<Map<String, Object>> verified = facts.verified();
            List<Map<String, Object>> rows = stock.rows();
            List<Map<String, Object>> stale = stock.stale();
            if (options.has("--json")) {
                Map<String, Object> answer =
                        row("verified", verified, "stock", rows, "incomplete", stock.incomplete(), "stale", stale);
                System.out.println(new ObjectMapper().writeValueAsString(answer));
                return;
            }
            for (var each : verified) {
                System.out.printf(
                        "%s/%s, ledger %s: %s facts, whole up to position %s%n", each.values().toArray());
            }
            for (var each : rows) {
                Map<String, Object> shown = new LinkedHashMap<>(each);
                shown.replaceAll((name, value) -> value == null ? (name.equals("measure") ? "" : "?") : value);
                System.out.println("%1$s %2$s %3$s %4$s %5$s: %7$s bags, %8$s %6$s"
                        .formatted(shown.values().toArray())
                        .strip());
            }
            for (var each : stale) {
                System.out.printf(
                        "may be old: %2$s/%3$s, number %4$s is %5$s%n", each.values().toArray());
            }
        }

        @Override
        public void close() {
            topics.close();
        }
    }

    /** The command line: `--name value`, and two switches. */
    record Options(Map<String, String> given) {
        private static final Set<String> SWITCHES = Set.of("--until-caught-up", "--json");
        private static final Set<String> VALUES =
                Set.of("--kafka", "--schemas", "--registry", "--ledger", "--partitions", "--facts-topic", "--prefix");

        static Options of(String[] arguments) {
            Map<String, String> given = new HashMap<>();
            for (int at = 0; at < arguments.length; at++) {
                String name = arguments[at];
                if (SWITCHES.contains(name)) {
                    given.put(name, "");
                } else if (VALUES.contains(name) && at + 1 < arguments.length) {
                    given.put(name, arguments[++at]);
                } else {
                    throw new Usage("not understood: " + name + "; there are " + new TreeSet<>(VALUES)
                            + ", each with a value, and " + new TreeSet<>(SWITCHES));
                }
            }
            return new Options(given);
        }

        boolean has(String name) {
            return given.containsKey(name);
        }

        Optional<String> get(String name) {
            return Optional.ofNullable(given.get(name));
        }

        String required(String name) {
            return get(name).orElseThrow(() -> new Usage(name + " is missing"));
        }

        /** The partitions of the facts; none stands for all of them. The stock is always read whole. */
        List<Integer> partitions() {
            try {
                return get("--partitions").stream()
                        .flatMap(text -> Arrays.stream(text.split(",")))
                        .map(Integer::valueOf)
                        .toList();
            } catch (NumberFormatException wrong) {
                throw new Usage("--partitions takes numbers, such as 0,2");
            }
        }
    }
}
