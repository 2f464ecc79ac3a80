"""confluent-kafka (librdkafka) as a driver of the interop rig."""
import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import driver


def common(job):
    conf = {"bootstrap.servers": job["brokers"]}
    security = job.get("security")
    if security:
        conf["security.protocol"] = security["protocol"]
        names = {"mechanism": "sasl.mechanism", "username": "sasl.username", "password": "sasl.password",
                 "ca": "ssl.ca.location", "cert": "ssl.certificate.location", "key": "ssl.key.location"}
        for name, setting in names.items():
            if name in security:
                conf[setting] = security[name]
    return conf


def producer(job):
    conf = dict(common(job), acks="all")
    conf["compression.type"] = job.get("codec", "none")
    conf["enable.idempotence"] = bool(job.get("idempotent")) or "transactionalId" in job
    conf["linger.ms"] = 20
    conf["message.timeout.ms"] = 30000
    if "transactionalId" in job:
        conf["transactional.id"] = job["transactionalId"]
        conf["transaction.timeout.ms"] = 30000
    return Producer(conf)


def send(client, job, records):
    acks = [None] * len(records)
    problems = []

    def delivered(index):
        def callback(error, message):
            if error is not None:
                problems.append(error)
            else:
                acks[index] = [message.partition(), message.offset()]
        return callback

    for index, record in enumerate(records):
        options = {}
        if "partition" in record:
            options["partition"] = record["partition"]
        if "timestamp" in record:
            options["timestamp"] = record["timestamp"]
        if record.get("headers"):
            options["headers"] = [(name, driver.decode(data)) for name, data in record["headers"]]
        client.produce(job["topic"], value=driver.decode(record["value"]), key=driver.decode(record["key"]),
                       on_delivery=delivered(index), **options)
    if client.flush(40) > 0:
        raise RuntimeError("not everything was delivered in time")
    if problems:
        raise KafkaException(problems[0])
    return acks


def produce(job):
    return {"acks": send(producer(job), job, job["records"])}


def transact(job):
    client = producer(job)
    client.init_transactions(30)
    result = []
    for transaction in job["transactions"]:
        client.begin_transaction()
        result.append(send(client, job, transaction["records"]))
        if "offsets" in transaction:
            offsets = transaction["offsets"]
            consumer = Consumer(dict(common(job), **{"group.id": offsets["group"]}))
            position = TopicPartition(offsets["topic"], offsets["partition"], offsets["offset"])
            client.send_offsets_to_transaction([position], consumer.consumer_group_metadata(), 30)
            consumer.close()
        if transaction["end"] == "commit":
            client.commit_transaction(30)
        else:
            client.abort_transaction(30)
    return {"transactions": result}


def consumer(job):
    conf = dict(common(job), **{
        "group.id": job.get("group", "interop-none"), "enable.auto.commit": False, "auto.offset.reset": "earliest",
        "isolation.level": job.get("isolation", "read_uncommitted"), "fetch.wait.max.ms": 100, "check.crcs": True,
    })
    if "groupProtocol" in job:
        conf["group.protocol"] = job["groupProtocol"]
    else:
        conf.update({"session.timeout.ms": job.get("sessionTimeoutMs", 10000), "heartbeat.interval.ms": 1000})
    if "assignor" in job:
        conf["partition.assignment.strategy"] = {"CooperativeStickyAssignor": "cooperative-sticky"}.get(job["assignor"], "range")
    return Consumer(conf)


def out(message):
    if message.error():
        raise KafkaException(message.error())
    driver.emit(message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers())


def consume(job):
    client = consumer(job)
    topic = job["topic"]
    ids = list(client.list_topics(topic, timeout=20).topics[topic].partitions)
    begin = job["from"]
    if isinstance(begin, dict):
        positions = client.offsets_for_times([TopicPartition(topic, i, begin["time"]) for i in ids], timeout=20)
    elif begin == "end":
        # The end as it is now: OFFSET_END would be asked for only with the first fetch.
        positions = [TopicPartition(topic, i, client.get_watermark_offsets(TopicPartition(topic, i), timeout=20)[1]) for i in ids]
    else:
        positions = [TopicPartition(topic, i, OFFSET_BEGINNING) for i in ids]
    for position in positions:
        if position.offset < 0 and isinstance(begin, dict):
            position.offset = OFFSET_END
    client.assign(positions)
    driver.event("ready")
    count, until = job["count"], driver.deadline(job)
    while count > 0 and time.time() < until:
        message = client.poll(0.1)
        if message is not None:
            out(message)
            count -= 1
    client.close()


# What a commit is told that a rebalance came before.
overtaken = ("ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS", "UNKNOWN_MEMBER_ID", "STALE_MEMBER_EPOCH", "FENCED_MEMBER_EPOCH")


def member(job):
    client = consumer(job)

    held = set()
    cooperative = job.get("assignor") == "CooperativeStickyAssignor" or "groupProtocol" in job

    def assigned(_, partitions):
        if not cooperative:
            held.clear()
        held.update(p.partition for p in partitions)
        driver.event("assigned", partitions=sorted(held))

    def revoked(_, partitions):
        held.difference_update(p.partition for p in partitions)
        driver.event("assigned", partitions=sorted(held))

    client.subscribe([job["topic"]], on_assign=assigned, on_revoke=revoked)
    while not driver.stopped():
        message = client.poll(0.1)
        if message is not None:
            out(message)
            try:
                client.commit(message=message, asynchronous=False)
            except KafkaException as error:
                # A commit that a rebalance overtook: the next owner reads the record again.
                if error.args[0].name() not in overtaken:
                    raise
    client.close()
    driver.event("done")
    raise SystemExit(0)


def wait(futures):
    for future in futures.values():
        future.result(20)
    return "ok"


def step(admin, job, words):
    what, name = words[0], words[1] if len(words) > 1 else None
    if what == "createTopic":
        return wait(admin.create_topics([NewTopic(name, num_partitions=words[2], replication_factor=1, config=words[3])]))
    if what == "listTopics":
        return list(admin.list_topics(timeout=20).topics)
    if what == "partitions":
        return len(admin.list_topics(name, timeout=20).topics[name].partitions)
    if what == "createPartitions":
        return wait(admin.create_partitions([NewPartitions(name, words[2])]))
    if what == "configs":
        [future] = admin.describe_configs([ConfigResource("topic", name)]).values()
        return {key: entry.value for key, entry in future.result(20).items()}
    if what == "alterConfigs":
        return wait(admin.alter_configs([ConfigResource("topic", name, set_config=words[2])]))
    if what == "deleteTopic":
        return wait(admin.delete_topics([name]))
    if what == "listGroups":
        return [group.id for group in admin.list_groups(timeout=20)]
    if what == "describeGroup":
        [group] = admin.list_groups(name, timeout=20)
        return {"state": group.state, "members": len(group.members)}
    if what == "groupOffsets":
        client = Consumer(dict(common(job), **{"group.id": name}))
        ids = client.list_topics(words[2], timeout=20).topics[words[2]].partitions
        found = client.committed([TopicPartition(words[2], i) for i in ids], timeout=20)
        client.close()
        return {str(p.partition): p.offset for p in found if p.offset >= 0}
    if what == "deleteGroup" and hasattr(admin, "delete_consumer_groups"):
        return wait(admin.delete_consumer_groups([name]))
    if what == "deleteRecords" and hasattr(admin, "delete_records"):
        return wait(admin.delete_records([TopicPartition(name, words[2], words[3])]))
    return {"unsupported": what}


def admin(job):
    client = AdminClient(common(job))
    results = []
    for words in job["steps"]:
        try:
            results.append(step(client, job, words))
        except KafkaException as error:
            results.append({"error": error.args[0].name()})
    return {"results": results}


driver.main({"produce": produce, "consume": consume, "member": member, "admin": admin, "transact": transact})
