"""Observes a data set on Apache Spark. quantpipe starts it (pipeline/cluster/spark.ts); it is not run by hand.

    python3 spark-driver.py JOB.json

The partitions of the data set go through `quantpipe observe - -o -` on the executors, and the statistics that come out are added up
there with `quantpipe merge`, FAN_IN at a time. Statistics are rows of the tasks' results and nothing else, so what Spark runs
twice (retries, speculation) it counts once. The last one is written to the job's folder. Lines of JSON on standard output:

    {"progress": {"tasks": 3, "of": 20, "retries": 0}}
    {"done": {"samples": 10000, "batches": 320, "partitions": 20, "slots": 8}}
    {"error": {"code": "data-invalid", "message": "..."}}

One file in spite of its length: Spark pickles the functions of the main module with their code, and those of any other module by its name alone,
which no executor has.
"""

import base64
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

# Statistics that one task adds up. Each may be some MiB.
FAN_IN = 8
# Seconds between two looks at how far the tasks are.
LOOK = 0.5
# What stands around an error for the driver in the text of an exception, which comes with the traces of Python and of Java.
OPENING, CLOSING = "<<quantpipe:", ":quantpipe>>"


def say(**message):
    print(json.dumps(message), flush=True)


class Fault(Exception):
    """What the user can act on: one of quantpipe's error codes, and a message."""

    def __init__(self, code, message):
        super().__init__(OPENING + json.dumps({"code": code, "message": message}) + CLOSING)


try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyspark import SparkConf, SparkFiles, TaskContext
    from pyspark.sql import SparkSession
except ImportError as error:
    say(error={"code": "cluster-failed", "message": f"{sys.executable} cannot run Spark: {error}; it needs PySpark 4, pyarrow and pandas: {sys.executable} -m pip install 'pyspark[sql]>=4'"})
    sys.exit(1)


# On the driver


def main(job):
    os.environ["PYSPARK_PYTHON"] = job["executorPython"]
    conf = SparkConf().setAppName("quantpipe").set("spark.ui.showConsoleProgress", "false")
    conf.set("spark.sql.files.openCostInBytes", "0")  # samples are little to read and much to compute: as many partitions as there are cores
    for key, value in job["conf"].items():
        conf.set(key, value)
    # a batch of rows is in memory as a whole, on both sides of the pipe
    conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(job["rowsPerBatch"]))
    spark = SparkSession.builder.config(conf=conf.setMaster(job["master"])).getOrCreate()
    try:
        observe(spark, job)
    finally:
        spark.stop()


def observe(spark, job):
    context = spark.sparkContext
    context.setLogLevel("ERROR")
    is_here = job["master"].startswith("local")  # all executors are on this machine
    job["cores"] = context.defaultParallelism if is_here else int(context.getConf().get("spark.executor.cores", "0"))  # 0: as many as the machine has
    context.addArchive(f"{job['archive']}#quantpipe")
    for name in ("model", "order"):
        context.addFile(job[name])
    table = spark.read.parquet(job["data"])
    frame = table.select(*[f"`{name.replace('`', '``')}`" for name in wanted_columns(table, job)])
    count = frame.count()
    if count == 0:
        raise Fault("data-invalid", f"{job['data']} holds no samples")
    schema = read_schema(spark, frame, job)
    partials = frame.mapInArrow(observing(job, schema.serialize().to_pybytes()), "part long, statistics binary, samples long, batches long").rdd.map(tuple)
    partitions = partials.getNumPartitions()
    with watch(context):
        statistics, samples, batches = collect(add_up(partials, partitions, job), partitions)
    if samples != count:
        raise Fault("cluster-failed", f"the statistics are of {samples} samples, and {job['data']} holds {count}: it changed while it was read")
    with open(os.path.join(job["folder"], "statistics.arrow"), "wb") as file:
        file.write(statistics)
    say(done={"samples": samples, "batches": batches, "partitions": partitions, "slots": context.defaultParallelism})


def wanted_columns(table, job):
    """The column of each model input: the one asked for, that of its name, or the only one that is neither label nor text."""
    columns = [input["column"] for input in job["inputs"]]
    missing = next((input for input in job["inputs"] if input["column"] not in table.columns), None)
    if missing is None:
        return list(dict.fromkeys(columns))
    candidates = [field.name for field in table.schema.fields if field.name != job["label"] and field.dataType.typeName() != "string"]
    if len(columns) == 1 and not missing["isAsked"] and len(candidates) == 1:
        return candidates
    there = ", ".join(f"'{name}'" for name in table.columns)
    raise Fault("data-invalid", f"{job['data']} has no column '{missing['column']}' for the model's input '{missing['input']}'; it has {there}")


def read_schema(spark, frame, job):
    """What the executors make of Spark's columns, which are lists of any length: what Arrow wrote beside the data, where it did,
    with fixed sizes, unsigned types and metadata; else lists of the size that the model reads, where it reads but one."""
    stored = stored_schema(spark, frame)
    seen = pa.schema(frame.limit(0).toArrow().schema)
    sizes = {input["column"]: input["elements"] for input in job["inputs"]}
    if len(seen) == 1:
        sizes = {seen.names[0]: next(iter(sizes.values()))}
    fields = []
    for field in seen:
        if stored is not None and field.name in stored.names:
            field = stored.field(field.name)
        size = sizes.get(field.name)
        if size is not None and pa.types.is_list(field.type) and not pa.types.is_nested(field.type.value_type):
            field = field.with_type(pa.list_(field.type.value_type, size))
        fields.append(field)
    return pa.schema(fields)


def stored_schema(spark, frame):
    """The Arrow schema in the footer of the first file, of which Spark keeps only what it has types for; None where there is none."""
    java, context = spark._jvm, spark.sparkContext
    path = java.org.apache.hadoop.fs.Path(java.java.net.URI.create(sorted(frame.inputFiles())[0]))
    file = java.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, context._jsc.hadoopConfiguration())
    reader = java.org.apache.parquet.hadoop.ParquetFileReader.open(file)
    try:
        text = reader.getFooter().getFileMetaData().getKeyValueMetaData().get("ARROW:schema")
    finally:
        reader.close()
    return None if text is None else pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def add_up(partials, partitions, job):
    """One partial of all: a tree of merges on the executors, each of at most FAN_IN."""
    while partitions > 1:
        partitions = -(-partitions // FAN_IN)
        partials = partials.map(numbered(partitions)).partitionBy(partitions, int).values().mapPartitions(merging(job))
    return partials


def numbered(groups):
    return lambda partial: (partial[0] % groups, partial)


def collect(partials, partitions):
    rows = partials.collect()
    if len(rows) != 1:
        raise Fault("cluster-failed", f"Spark returned {len(rows)} statistics of {partitions} partitions where it should return one")
    return rows[0][1:]


class watch:
    """Tells how many tasks are done, of the jobs under way, and how many attempts at them failed, of all jobs so far."""

    def __init__(self, context):
        self.tracker, self.ended = context.statusTracker(), threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def look(self):
        last, failed = None, {}
        while not self.ended.wait(LOOK):
            jobs = [self.tracker.getJobInfo(job) for job in self.tracker.getActiveJobsIds()]
            stages = [stage for job in jobs if job for stage in map(self.tracker.getStageInfo, job.stageIds) if stage]
            failed.update({(stage.stageId, stage.currentAttemptId): stage.numFailedTasks for stage in stages})
            now = {"tasks": sum(stage.numCompletedTasks for stage in stages), "of": sum(stage.numTasks for stage in stages), "retries": sum(failed.values())}
            if now["of"] > 0 and now != last:
                say(progress=now)
            last = now


# On the executors


def observing(job, schema_bytes):
    node, model, order = job["node"], os.path.basename(job["model"]), os.path.basename(job["order"])

    def observe_partition(batches):
        """Statistics of a partition: one row, or none where it is empty."""
        schema = pa.ipc.read_schema(pa.py_buffer(schema_bytes))
        task = TaskContext.get()
        batches = (batch for batch in batches if batch.num_rows > 0)
        first = next(batches, None)
        if first is None:
            return
        rows = 0
        beside = max(1, (job["cores"] or os.cpu_count() or 1) // task.cpus())  # tasks that may run on this machine at the same time
        arguments = ["observe", SparkFiles.get(model), "-", "-o", "-", "--order", SparkFiles.get(order), "--workers", str(task.cpus()), "--beside", str(beside), "--strict", "--quiet"]
        with Quantpipe(node, arguments) as process:
            try:
                with pa.ipc.new_stream(process.stdin, schema) as stream:
                    for batch in itertools.chain([first], batches):
                        stream.write_batch(conform(batch, schema, rows, task))
                        rows += batch.num_rows
            except BrokenPipeError:
                pass  # it has ended; its error says why
            statistics = process.output(f"partition {task.partitionId()}")
        used = rows - rows % job["together"]  # as many as the model reads at a time, again and again
        yield pa.RecordBatch.from_pydict({"part": [task.partitionId()], "statistics": [statistics], "samples": [rows], "batches": [-(-used // job["batchSize"])]})

    return observe_partition


def merging(job):
    node = job["node"]

    def merge_partials(partials):
        """One partial of several, or none of none."""
        with tempfile.TemporaryDirectory() as folder:
            files, samples, batches = [], 0, 0
            for _, statistics, some_samples, some_batches in partials:
                files.append(os.path.join(folder, f"{len(files)}.arrow"))
                samples += some_samples
                batches += some_batches
                with open(files[-1], "wb") as file:
                    file.write(statistics)
            if len(files) > 1:
                with Quantpipe(node, ["merge", *files, "-o", "-", "--quiet"]) as process:
                    statistics = process.output("merging")
            if files:
                yield TaskContext.get().partitionId(), statistics, samples, batches

    return merge_partials


class Quantpipe:
    """The command line of the package that came with the job, in a process. Its outputs go to files, so that it never waits for us."""

    def __init__(self, node, arguments):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        main = os.path.join(SparkFiles.get("quantpipe"), "dist", "cli", "main.js")
        try:
            self.process = subprocess.Popen([node, main, *arguments], stdin=subprocess.PIPE, stdout=self.out, stderr=self.err)
        except OSError as error:
            raise Fault("cluster-failed", f"executor {host()} cannot run '{node}': {error.strerror}; executors need Node 20 or newer, in their PATH or where --spark-node says") from None
        self.stdin = self.process.stdin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()

    def output(self, what):
        """What it wrote when it has ended; its own error where it failed."""
        try:
            self.stdin.close()
        except BrokenPipeError:
            pass
        if self.process.wait() != 0:
            raise self.failure(what)
        self.out.seek(0)
        return self.out.read()

    def failure(self, what):
        self.err.seek(0)
        text = self.err.read().decode(errors="replace").strip()
        told = re.search(r"^quantpipe: (.*) \[([a-z-]+)\]$", text, re.MULTILINE)
        if told:
            return Fault(told[2], f"{what}: {told[1]}")
        return Fault("cluster-failed", f"{what}: quantpipe ended with code {self.process.returncode} on executor {host()}: {text[-2000:] or 'it said nothing'}")


def conform(batch, schema, first, task):
    """The batch with the columns' types as they were stored."""
    columns = [conform_column(column, field, first, task) for column, field in zip(batch.columns, schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def conform_column(column, field, first, task):
    wanted = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    if pa.types.is_fixed_size_list(wanted) and pa.types.is_list(column.type):
        lengths = pc.list_value_length(column)
        other = pc.index(pc.equal(lengths, wanted.list_size), False).as_py()
        if other >= 0:
            raise Fault("data-invalid", f"partition {task.partitionId()}: sample {first + other} of column '{field.name}' holds {lengths[other].as_py()} values, {wanted.list_size} are expected")
    stored = column if column.type == wanted else column.cast(wanted)
    return stored if wanted is field.type else pa.ExtensionArray.from_storage(field.type, stored)


def host():
    return socket.gethostname()


def has_java():
    return shutil.which("java") is not None or os.path.exists(os.path.join(os.environ.get("JAVA_HOME", "-"), "bin", "java"))


def told(error):
    """The fault in an exception's text, however deep; else the first line of what Spark says."""
    text = str(error)
    if OPENING in text:
        return json.loads(text[text.index(OPENING) + len(OPENING):text.index(CLOSING)])
    if "JAVA_GATEWAY_EXITED" in text and not has_java():
        return {"code": "cluster-failed", "message": "Spark needs Java 17 or newer: there is no 'java' in the PATH, and JAVA_HOME names none"}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("An error occurred while calling"):  # py4j's own words; Java's follow
        lines = [lines[1].lstrip(": ")]
    return {"code": "cluster-failed", "message": f"Spark failed: {lines[0] if lines else type(error).__name__}"}


if __name__ == "__main__":
    try:
        with open(sys.argv[1]) as file:
            main(json.load(file))
    except Exception as error:
        traceback.print_exc()
        say(error=told(error))
        sys.exit(1)
