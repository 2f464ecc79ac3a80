"""kafka-python as a driver of the interop rig."""
import time

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata

import driver


def common(job):
    conf = {"bootstrap_servers": job["brokers"].split(",")}
    security = job.get("security")
    if security:
        conf["security_protocol"] = security["protocol"].upper()
        names = {"mechanism": "sasl_mechanism", "username": "sasl_plain_username", "password": "sasl_plain_password",
                 "ca": "ssl_cafile", "cert": "ssl_certfile", "key": "ssl_keyfile"}
        for name, setting in names.items():
            if name in security:
                conf[setting] = security[name]
    return conf


def produce(job):
    codec = job.get("codec", "none")
    conf = dict(common(job), acks="all", linger_ms=20, retries=3, compression_type=None if codec == "none" else codec)
    if job.get("idempotent"):
        conf["enable_idempotence"] = True
    client = KafkaProducer(**conf)
    sent = []
    for record in job["records"]:
        sent.append(client.send(
            job["topic"], value=driver.decode(record["value"]), key=driver.decode(record["key"]),
            partition=record.get("partition"), timestamp_ms=record.get("timestamp"),
            headers=[(name, driver.decode(data)) for name, data in record.get("headers", [])]))
    client.flush(30)
    acks = [[done.partition, done.offset] for done in (future.get(10) for future in sent)]
    client.close()
    return {"acks": acks}


def transact(job):
    client = KafkaProducer(**dict(common(job), transactional_id=job["transactionalId"], linger_ms=20))
    client.init_transactions()
    result = []
    for transaction in job["transactions"]:
        client.begin_transaction()
        sent = [client.send(job["topic"], value=driver.decode(r["value"]), key=driver.decode(r["key"]), partition=r.get("partition"))
                for r in transaction["records"]]
        client.flush(30)
        result.append([[f.get(10).partition, f.get(10).offset] for f in sent])
        if "offsets" in transaction:
            o = transaction["offsets"]
            client.send_offsets_to_transaction(
                {TopicPartition(o["topic"], o["partition"]): OffsetAndMetadata(o["offset"], "", -1)}, o["group"])
        if transaction["end"] == "commit":
            client.commit_transaction()
        else:
            client.abort_transaction()
    client.close()
    return {"transactions": result}


def consumer(job, **more):
    conf = dict(common(job), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100, **more)
    if job.get("isolation") == "read_committed":
        conf["isolation_level"] = "read_committed"
    return KafkaConsumer(**conf)


def consume(job):
    client = consumer(job)
    topic = job["topic"]
    partitions = [TopicPartition(topic, i) for i in client.partitions_for_topic(topic)]
    client.assign(partitions)
    begin = job["from"]
    if isinstance(begin, dict):
        found = client.offsets_for_times({tp: begin["time"] for tp in partitions})
        for tp in partitions:
            if found.get(tp) is None:
                client.seek_to_end(tp)
            else:
                client.seek(tp, found[tp].offset)
    elif begin == "end":
        client.seek_to_end(*partitions)
    else:
        client.seek_to_beginning(*partitions)
    for tp in partitions:
        client.position(tp)
    driver.event("ready")
    count, until = job["count"], driver.deadline(job)
    while count > 0 and time.time() < until:
        count -= out(client.poll(timeout_ms=100))
    client.close()


def out(polled):
    count = 0
    for messages in polled.values():
        for m in messages:
            driver.emit(m.partition, m.offset, m.timestamp, m.key, m.value, m.headers)
            count += 1
    return count


class Listener(ConsumerRebalanceListener):
    def on_partitions_assigned(self, assigned):
        driver.event("assigned", partitions=sorted(tp.partition for tp in assigned))

    def on_partitions_revoked(self, revoked):
        driver.event("assigned", partitions=[])


def member(job):
    client = consumer(job, group_id=job["group"], heartbeat_interval_ms=1000, session_timeout_ms=job.get("sessionTimeoutMs", 10000))
    client.subscribe([job["topic"]], listener=Listener())
    while not driver.stopped():
        if out(client.poll(timeout_ms=100)):
            try:
                client.commit()
            except CommitFailedError:
                pass  # A rebalance overtook it: the next owner reads the records again.
    client.close(autocommit=False)
    driver.event("done")
    raise SystemExit(0)


def step(admin, words):
    what, name = words[0], words[1] if len(words) > 1 else None
    if what == "createTopic":
        admin.create_topics([NewTopic(name, num_partitions=words[2], replication_factor=1, topic_configs=words[3])])
        return "ok"
    if what == "listTopics":
        return list(admin.list_topics())
    if what == "partitions":
        return len(admin.describe_topics([name])[0]["partitions"])
    if what == "createPartitions":
        admin.create_partitions({name: NewPartitions(words[2])})
        return "ok"
    if what == "configs":
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        if isinstance(found, dict):
            found = next(iter(next(iter(found.values())).values()))
            return {key: entry["value"] if isinstance(entry, dict) else entry for key, entry in found.items()}
        return {entry[0]: entry[1] for response in found for resource in response.resources for entry in resource[4]}
    if what == "alterConfigs":
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=words[2])])
        return "ok"
    if what == "deleteTopic":
        admin.delete_topics([name])
        return "ok"
    if what == "listGroups":
        found = admin.list_consumer_groups() if hasattr(admin, "list_consumer_groups") else admin.list_groups()
        return [group[0] if isinstance(group, tuple) else group["group_id"] for group in found]
    if what == "describeGroup":
        if hasattr(admin, "describe_consumer_groups"):
            group = admin.describe_consumer_groups([name])[0]
            return {"state": group.state, "members": len(group.members)}
        group = admin.describe_groups([name])[name]
        return {"state": group["group_state"], "members": len(group["members"])}
    if what == "groupOffsets":
        if hasattr(admin, "list_consumer_group_offsets"):
            found = admin.list_consumer_group_offsets(name)
        else:
            found = admin.list_group_offsets({name: None})[name]
        return {str(tp.partition): o.offset for tp, o in found.items() if tp.topic == words[2]}
    if what == "deleteGroup":
        if hasattr(admin, "delete_consumer_groups"):
            admin.delete_consumer_groups([name])
        else:
            admin.delete_groups([name])
        return "ok"
    if what == "deleteRecords" and hasattr(admin, "delete_records"):
        admin.delete_records({TopicPartition(name, words[2]): words[3]})
        return "ok"
    return {"unsupported": what}


def admin(job):
    client = KafkaAdminClient(**common(job))
    results = []
    for words in job["steps"]:
        try:
            results.append(step(client, words))
        except KafkaError as error:
            results.append({"error": type(error).__name__})
    client.close()
    return {"results": results}


driver.main({"produce": produce, "consume": consume, "member": member, "admin": admin, "transact": transact})
