/* Stream capture: while a stream captures, what is submitted to it becomes a node of a graph
 * instead. A graph is run in the order of capture, one node after the other, which respects every
 * dependency that was captured. */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H

#include "sim/queue.h"

/* Submits to the stream or, if it captures, to the graph. Takes over the task in every case. */
hip_error sim_submit(sim_stream *stream, sim_task *task);

/* May this thread call what would disturb a capture (allocate, synchronise)?
 * HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED if not. */
hip_error sim_capture_check(void);

/* HIP_SUCCESS if the stream does not capture; otherwise its capture becomes invalid and the call is
 * refused. */
hip_error sim_capture_refuse(sim_stream *stream);

/* A place in a capture, which an event records. id 0: none. */
typedef struct sim_capture_mark {
    uint64_t id; /* never used again */
    sim_stream *stream;
    uint64_t work;
} sim_capture_mark;

/* Where the stream is in its capture; id 0 if it does not capture. */
sim_capture_mark sim_capture_here(sim_stream *stream);

/* The stream waits for a mark: it joins the capture, if it is not part of it yet. */
hip_error sim_capture_join(sim_stream *stream, const sim_capture_mark *mark);

/* The stream is about to be destroyed. */
void sim_capture_leave(sim_stream *stream);

#endif
