#!/usr/bin/env python3
"""Writes events/golden.tfevents with TensorBoard's own record writer and messages.

usage: make_events.py        (needs tensorboard and numpy; run it in any folder)

The histogram's buckets are counted here by numpy, over limits made as TensorFlow's histogram.cc does.
"""
import math
import pathlib
import struct

import numpy
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = pathlib.Path(__file__).resolve().parent
WALL_TIME = 1_700_000_000.25


def bucket_limits():
    positive, limit = [], 1e-12
    while limit < 1e20:
        positive.append(limit)
        limit *= 1.1
    positive.append(numpy.finfo(numpy.float64).max)
    return numpy.array([-limit for limit in reversed(positive)] + [0.0] + positive)


def histogram(values):
    values = [value for value in numpy.float32(values).astype(float) if math.isfinite(value)]
    limits = bucket_limits()
    counts = numpy.bincount(numpy.digitize(values, limits), minlength=len(limits))
    kept_limits, kept_counts, index = [], [], 0
    while index < len(limits):
        end, count = limits[index], counts[index]
        index += 1
        if count == 0:
            while index < len(limits) and counts[index] == 0:
                end = limits[index]
                index += 1
        kept_limits.append(end)
        kept_counts.append(float(count))
    total = squares = 0.0
    for value in values:
        total += value
        squares += value * value
    return summary_pb2.HistogramProto(
        min=min(values, default=0.0),
        max=max(values, default=0.0),
        num=len(values),
        sum=total,
        sum_squares=squares,
        bucket_limit=kept_limits,
        bucket=kept_counts,
    )


def value(tag, plugin, **content):
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin)
    )
    return summary_pb2.Summary(
        value=[summary_pb2.Summary.Value(tag=tag, metadata=metadata, **content)]
    )


def text(string):
    return tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(),
        string_val=[string.encode()],
    )


# The test feeds the same values to EventFile: keep the two lists in step.
VALUES = [0.0, -0.0, 1.0, -1.0, 1e-12, -1e-12, 1e-13, -1e-13, 0.1, 0.25, -0.25, 3e38, -3e38, 1e20]
VALUES += [float("nan"), float("inf"), -float("inf"), 2.0**-149]
VALUES += [(i * 37 % 101 - 50) / 16 for i in range(200)]
START = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
EVENTS = [
    dict(file_version="brain.Event:2"),
    dict(step=301, session_log=START),
    dict(step=301, summary=value("loss/train", "scalars", simple_value=2.5)),
    dict(step=0, summary=value("loss/train", "scalars", simple_value=0.0)),
    dict(step=1 << 40, summary=value("optimizer/learning_rate", "scalars", simple_value=1e-3)),
    dict(step=-1, summary=value("speed", "scalars", simple_value=float("inf"))),
    dict(step=301, summary=value("samples", "text", tensor=text("C’era una volta\n" * 20))),
    dict(step=302, summary=value("samples", "text", tensor=text(""))),
    dict(step=302, summary=value("weights/h.0", "histograms", histo=histogram(VALUES))),
    dict(step=302, summary=value("weights/none", "histograms", histo=histogram([]))),
]

(HERE / "events").mkdir(exist_ok=True)
with open(HERE / "events" / "golden.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for fields in EVENTS:
        writer.write(event_pb2.Event(wall_time=WALL_TIME, **fields).SerializeToString())
