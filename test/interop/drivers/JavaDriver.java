// Java clients as a driver of the interop rig: jobs come as JSON lines on stdin, events go out as JSON lines (see driver.ts).
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class JavaDriver {
  static final ObjectMapper json = new ObjectMapper();
  static final java.io.PrintStream out = System.out;

  public static void main(String[] args) throws Exception {
    System.setOut(System.err);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      JsonNode job = json.readTree(line);
      try {
        event("done", run(job));
      } catch (Throwable error) {
        Throwable cause = error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error;
        event("error", json.createObjectNode().put("message", cause.getClass().getSimpleName() + ": " + cause.getMessage()));
      }
    }
    System.exit(0);
  }

  static ObjectNode run(JsonNode job) throws Exception {
    switch (job.get("op").asText()) {
      case "produce": return produce(job);
      case "consume": return consume(job);
      case "member": return member(job);
      case "admin": return admin(job);
      case "transact": return transact(job);
      default: throw new IllegalArgumentException("no such op: " + job.get("op"));
    }
  }

  static synchronized void event(String name, ObjectNode body) {
    body.put("ev", name);
    out.println(body);
    out.flush();
  }

  static Properties common(JsonNode job) throws Exception {
    var p = new Properties();
    p.put("bootstrap.servers", job.get("brokers").asText());
    JsonNode s = job.get("security");
    if (s == null || s.isNull()) return p;
    p.put("security.protocol", s.get("protocol").asText().toUpperCase());
    if (s.has("mechanism")) {
      String mechanism = s.get("mechanism").asText();
      String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
      p.put("sasl.mechanism", mechanism);
      p.put("sasl.jaas.config", String.format("org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\";",
          module, s.get("username").asText(), s.get("password").asText()));
    }
    if (s.has("ca")) {
      p.put("ssl.truststore.type", "PEM");
      p.put("ssl.truststore.certificates", Files.readString(Path.of(s.get("ca").asText())));
    }
    if (s.has("cert")) {
      p.put("ssl.keystore.type", "PEM");
      p.put("ssl.keystore.certificate.chain", Files.readString(Path.of(s.get("cert").asText())));
      p.put("ssl.keystore.key", Files.readString(Path.of(s.get("key").asText())));
    }
    return p;
  }

  static byte[] bytes(JsonNode node) {
    return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }

  static ProducerRecord<byte[], byte[]> record(JsonNode job, JsonNode r) {
    var headers = new ArrayList<Header>();
    if (r.has("headers")) for (JsonNode h : r.get("headers")) headers.add(new RecordHeader(h.get(0).asText(), bytes(h.get(1))));
    Integer partition = r.has("partition") ? r.get("partition").asInt() : null;
    Long timestamp = r.has("timestamp") ? r.get("timestamp").asLong() : null;
    return new ProducerRecord<>(job.get("topic").asText(), partition, timestamp, bytes(r.get("key")), bytes(r.get("value")), headers);
  }

  static KafkaProducer<byte[], byte[]> producer(JsonNode job) throws Exception {
    var p = common(job);
    p.put("compression.type", job.has("codec") ? job.get("codec").asText() : "none");
    p.put("enable.idempotence", job.path("idempotent").asBoolean(false) || job.has("transactionalId"));
    p.put("acks", "all");
    p.put("linger.ms", "20");
    p.put("delivery.timeout.ms", "30000");
    p.put("request.timeout.ms", "10000");
    p.put("max.block.ms", "20000");
    if (job.has("transactionalId")) p.put("transactional.id", job.get("transactionalId").asText());
    return new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static ObjectNode produce(JsonNode job) throws Exception {
    try (var producer = producer(job)) {
      return acks(send(producer, job, job.get("records")));
    }
  }

  static List<Future<RecordMetadata>> send(KafkaProducer<byte[], byte[]> producer, JsonNode job, JsonNode records) {
    var sent = new ArrayList<Future<RecordMetadata>>();
    for (JsonNode r : records) sent.add(producer.send(record(job, r)));
    producer.flush();
    return sent;
  }

  static ObjectNode acks(List<Future<RecordMetadata>> sent) throws Exception {
    ObjectNode body = json.createObjectNode();
    ArrayNode acks = body.putArray("acks");
    for (var future : sent) acks.addArray().add(future.get().partition()).add(future.get().offset());
    return body;
  }

  static KafkaConsumer<byte[], byte[]> consumer(JsonNode job) throws Exception {
    var p = common(job);
    p.put("enable.auto.commit", "false");
    p.put("auto.offset.reset", "earliest");
    p.put("isolation.level", job.path("isolation").asText("read_uncommitted"));
    if (job.has("group")) p.put("group.id", job.get("group").asText());
    if (job.has("assignor")) p.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer." + job.get("assignor").asText());
    if (job.has("groupProtocol")) {
      p.put("group.protocol", job.get("groupProtocol").asText());
    } else {
      p.put("session.timeout.ms", job.path("sessionTimeoutMs").asText("10000"));
      p.put("heartbeat.interval.ms", "1000");
    }
    return new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static ObjectNode consume(JsonNode job) throws Exception {
    try (var consumer = consumer(job)) {
      String topic = job.get("topic").asText();
      var partitions = consumer.partitionsFor(topic).stream().map(i -> new TopicPartition(topic, i.partition())).collect(Collectors.toList());
      consumer.assign(partitions);
      JsonNode from = job.get("from");
      if (from.isObject()) {
        var times = new HashMap<TopicPartition, Long>();
        for (var tp : partitions) times.put(tp, from.get("time").asLong());
        for (var entry : consumer.offsetsForTimes(times).entrySet()) {
          if (entry.getValue() == null) consumer.seekToEnd(List.of(entry.getKey()));
          else consumer.seek(entry.getKey(), entry.getValue().offset());
        }
      } else if (from.asText().equals("end")) consumer.seekToEnd(partitions);
      else consumer.seekToBeginning(partitions);
      for (var tp : partitions) consumer.position(tp);
      event("ready", json.createObjectNode());
      int count = job.get("count").asInt();
      long until = System.currentTimeMillis() + job.get("timeoutMs").asLong();
      while (count > 0 && System.currentTimeMillis() < until) {
        for (var r : consumer.poll(Duration.ofMillis(100))) {
          emit(r);
          count--;
        }
      }
      return json.createObjectNode();
    }
  }

  static void emit(ConsumerRecord<byte[], byte[]> r) {
    ObjectNode body = json.createObjectNode().put("partition", r.partition()).put("offset", r.offset()).put("timestamp", r.timestamp());
    body.put("key", r.key() == null ? null : Base64.getEncoder().encodeToString(r.key()));
    body.put("value", r.value() == null ? null : Base64.getEncoder().encodeToString(r.value()));
    ArrayNode headers = body.putArray("headers");
    for (Header h : r.headers()) headers.addArray().add(h.key()).add(h.value() == null ? null : Base64.getEncoder().encodeToString(h.value()));
    event("record", body);
  }

  static ObjectNode member(JsonNode job) throws Exception {
    var consumer = consumer(job);
    var main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      consumer.wakeup();
      try { main.join(10_000); } catch (InterruptedException ignored) { }
    }));
    try {
      consumer.subscribe(List.of(job.get("topic").asText()), new ConsumerRebalanceListener() {
        public void onPartitionsRevoked(Collection<TopicPartition> gone) { tell(consumer, gone); }
        public void onPartitionsLost(Collection<TopicPartition> gone) { tell(consumer, gone); }
        public void onPartitionsAssigned(Collection<TopicPartition> added) { tell(consumer, List.of()); }
      });
      boolean dirty = false;
      while (true) {
        var records = consumer.poll(Duration.ofMillis(100));
        for (var r : records) emit(r);
        dirty |= !records.isEmpty();
        if (!dirty) continue;
        try {
          consumer.commitSync();
          dirty = false;
        } catch (RebalanceInProgressException | CommitFailedException overtaken) {
          // A rebalance came first: again after the next poll.
        }
      }
    } catch (WakeupException stopped) {
      consumer.close();
      event("done", json.createObjectNode());
      Runtime.getRuntime().halt(0);
      return null;
    }
  }

  static void tell(KafkaConsumer<byte[], byte[]> consumer, Collection<TopicPartition> gone) {
    ObjectNode body = json.createObjectNode();
    ArrayNode held = body.putArray("partitions");
    for (var tp : consumer.assignment()) if (!gone.contains(tp)) held.add(tp.partition());
    event("assigned", body);
  }

  static ObjectNode transact(JsonNode job) throws Exception {
    try (var producer = producer(job)) {
      producer.initTransactions();
      ObjectNode body = json.createObjectNode();
      ArrayNode all = body.putArray("transactions");
      for (JsonNode t : job.get("transactions")) {
        producer.beginTransaction();
        all.add(acks(send(producer, job, t.get("records"))).get("acks"));
        if (t.has("offsets")) {
          JsonNode o = t.get("offsets");
          producer.sendOffsetsToTransaction(Map.of(new TopicPartition(o.get("topic").asText(), o.get("partition").asInt()),
              new OffsetAndMetadata(o.get("offset").asLong())), new ConsumerGroupMetadata(o.get("group").asText()));
        }
        if (t.get("end").asText().equals("commit")) producer.commitTransaction();
        else producer.abortTransaction();
      }
      return body;
    }
  }

  static ObjectNode admin(JsonNode job) throws Exception {
    var p = common(job);
    p.put("default.api.timeout.ms", "20000");
    p.put("request.timeout.ms", "10000");
    try (var admin = Admin.create(p)) {
      ObjectNode body = json.createObjectNode();
      ArrayNode results = body.putArray("results");
      for (JsonNode step : job.get("steps")) {
        Object result;
        try {
          result = step(admin, step);
        } catch (java.util.concurrent.ExecutionException error) {
          result = Map.of("error", error.getCause().getClass().getSimpleName());
        }
        results.add(json.valueToTree(result));
      }
      return body;
    }
  }

  static Object step(Admin admin, JsonNode step) throws Exception {
    String name = step.size() > 1 ? step.get(1).asText() : "";
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
    switch (step.get(0).asText()) {
      case "createTopic": {
        var configs = new HashMap<String, String>();
        step.get(3).fields().forEachRemaining(e -> configs.put(e.getKey(), e.getValue().asText()));
        admin.createTopics(List.of(new NewTopic(name, step.get(2).asInt(), (short) 1).configs(configs))).all().get();
        return "ok";
      }
      case "listTopics": return admin.listTopics().names().get();
      case "partitions": return admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size();
      case "createPartitions":
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(step.get(2).asInt()))).all().get();
        return "ok";
      case "configs": {
        var values = new TreeMap<String, String>();
        for (ConfigEntry e : admin.describeConfigs(List.of(resource)).all().get().get(resource).entries()) values.put(e.name(), e.value());
        return values;
      }
      case "alterConfigs": {
        var ops = new ArrayList<AlterConfigOp>();
        step.get(2).fields().forEachRemaining(e -> ops.add(new AlterConfigOp(new ConfigEntry(e.getKey(), e.getValue().asText()), AlterConfigOp.OpType.SET)));
        admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
        return "ok";
      }
      case "deleteTopic":
        admin.deleteTopics(List.of(name)).all().get();
        return "ok";
      case "listGroups": return admin.listConsumerGroups().all().get().stream().map(ConsumerGroupListing::groupId).collect(Collectors.toList());
      case "describeGroup": {
        var group = admin.describeConsumerGroups(List.of(name)).all().get().get(name);
        return Map.of("state", group.state().toString(), "members", group.members().size());
      }
      case "groupOffsets": {
        var offsets = new TreeMap<String, Long>();
        admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get()
            .forEach((tp, o) -> { if (o != null && tp.topic().equals(step.get(2).asText())) offsets.put("" + tp.partition(), o.offset()); });
        return offsets;
      }
      case "deleteGroup":
        admin.deleteConsumerGroups(List.of(name)).all().get();
        return "ok";
      case "deleteRecords":
        admin.deleteRecords(Map.of(new TopicPartition(name, step.get(2).asInt()), RecordsToDelete.beforeOffset(step.get(3).asLong()))).all().get();
        return "ok";
      default: return Map.of("unsupported", step.get(0).asText());
    }
  }
}
