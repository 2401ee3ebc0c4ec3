/* Frames: what is sent arrives, what is damaged is refused. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/helper/frame.h"
#include "tests/helper/support.h"

static frame_io no_wait(void *user, int fd, short events)
{
    (void)user, (void)fd, (void)events;
    return FRAME_IO_TIMEOUT;
}

static void checksum_is_fnv1a_64(void **state)
{
    (void)state;
    /* Published test vectors of FNV-1a: "" and "foobar". */
    assert_true(frame_checksum("", 0) == 0xcbf29ce484222325u);
    assert_true(frame_checksum("foobar", 6) == 0x85944171f73967e8u);
}

static void header_has_the_documented_layout(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_header out;
    frame_header_encode(&(frame_header){FRAME_COMPILE, 0x0102030, 0x1122334455667788u}, bytes);
    assert_memory_equal(bytes,
                        "ATR1\x02\0\0\0\x30\x20\x10\0\0\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11", 24);
    assert_null(frame_header_decode(bytes, &out));
    assert_int_equal(out.type, FRAME_COMPILE);
    assert_true(out.length == 0x0102030 && out.checksum == 0x1122334455667788u);
}

static void every_damaged_header_byte_is_found(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_header out;
    frame_header_encode(&(frame_header){FRAME_RESULT, 77, 99}, bytes);
    for (int i = 0; i < FRAME_HEADER_SIZE; i++) {
        bytes[i] ^= 0x10;
        assert_non_null(frame_header_decode(bytes, &out));
        bytes[i] ^= 0x10;
    }
    assert_null(frame_header_decode(bytes, &out));
}

static void length_limit_is_exact(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_header out;
    frame_header_encode(&(frame_header){FRAME_RESULT, FRAME_MAX_PAYLOAD, 0}, bytes);
    assert_null(frame_header_decode(bytes, &out));
    frame_header_encode(&(frame_header){FRAME_RESULT, FRAME_MAX_PAYLOAD + 1, 0}, bytes);
    assert_string_equal(frame_header_decode(bytes, &out), "frame longer than the limit of 256 MiB");
}

static void fields_round_trip(void **state)
{
    (void)state;
    frame f = {0};
    const void *data;
    size_t size;
    assert_true(frame_add_text(&f, FIELD_NAME, "k.hip"));
    assert_true(frame_add(&f, FIELD_CODE, "a\0b", 3));
    assert_true(frame_add_text(&f, FIELD_LOG, ""));
    assert_null(frame_check(&f));
    assert_true(frame_find(&f, FIELD_CODE, &data, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(data, "a\0b", 3);
    assert_true(frame_find(&f, FIELD_LOG, &data, &size) && size == 0);
    assert_false(frame_find(&f, FIELD_SOURCE, &data, &size));
    char *text = frame_text(&f, FIELD_NAME, &size);
    assert_string_equal(text, "k.hip");
    free(text);
    frame_free(&f);
}

static void bad_field_structure_is_found(void **state)
{
    (void)state;
    frame f = {0};
    assert_true(frame_add_text(&f, FIELD_NAME, "abc"));
    for (size_t cut = 1; cut < f.size; cut++) {
        frame part = {.data = f.data, .size = cut};
        assert_non_null(frame_check(&part));
    }
    f.data[4] = 0xff;
    f.data[11] = 0xff; /* a length close to 2^64 */
    assert_string_equal(frame_check(&f), "a field is longer than its frame");
    frame_free(&f);
    frame_add_text(&f, FIELD_NAME, "a");
    frame_add_text(&f, FIELD_NAME, "b");
    assert_string_equal(frame_check(&f), "a field appears twice");
    frame_free(&f);
}

static void a_field_over_the_limit_is_refused(void **state)
{
    (void)state;
    frame f = {0};
    assert_false(frame_add(&f, FIELD_CODE, "", (size_t)FRAME_MAX_PAYLOAD + 1));
    assert_false(frame_add(&f, FIELD_CODE, "", SIZE_MAX));
    assert_int_equal(f.size, 0);
    frame_free(&f);
}

static void frames_cross_a_socket_and_ends_are_told_apart(void **state)
{
    (void)state;
    int s[2];
    const char *why;
    frame out = {.type = FRAME_IDENTIFY}, in = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    frame_add_text(&out, FIELD_NAME, "x");
    assert_int_equal(frame_send(s[0], &out, no_wait, NULL), FRAME_IO_OK);
    assert_int_equal(frame_receive(s[1], &in, &why, no_wait, NULL), FRAME_IO_OK);
    assert_int_equal(in.type, FRAME_IDENTIFY);
    assert_int_equal(in.size, out.size);
    assert_int_equal(frame_receive(s[1], &in, &why, no_wait, NULL), FRAME_IO_TIMEOUT);
    assert_int_equal(send(s[0], "ATR", 3, 0), 3);
    shutdown(s[0], SHUT_WR);
    assert_int_equal(frame_receive(s[1], &in, &why, no_wait, NULL), FRAME_IO_CUT);
    assert_int_equal(frame_receive(s[1], &in, &why, no_wait, NULL), FRAME_IO_CLOSED);
    close(s[1]);
    /* No SIGPIPE: the test would end here. */
    assert_int_equal(frame_send(s[0], &out, no_wait, NULL), FRAME_IO_CLOSED);
    close(s[0]);
    frame_free(&in);
    frame_free(&out);
}

static void a_claimed_length_takes_no_memory(void **state)
{
    (void)state;
    int s[2];
    const char *why;
    uint8_t header[FRAME_HEADER_SIZE];
    frame in = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    frame_header_encode(&(frame_header){FRAME_RESULT, FRAME_MAX_PAYLOAD, 0}, header);
    assert_int_equal(send(s[0], header, sizeof header, 0), sizeof header);
    close(s[0]);
    assert_int_equal(frame_receive(s[1], &in, &why, no_wait, NULL), FRAME_IO_CUT);
    assert_true(in.capacity <= 2 << 20);
    close(s[1]);
    frame_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_fnv1a_64),
        cmocka_unit_test(header_has_the_documented_layout),
        cmocka_unit_test(every_damaged_header_byte_is_found),
        cmocka_unit_test(length_limit_is_exact),
        cmocka_unit_test(fields_round_trip),
        cmocka_unit_test(bad_field_structure_is_found),
        cmocka_unit_test(a_field_over_the_limit_is_refused),
        cmocka_unit_test_setup_teardown(frames_cross_a_socket_and_ends_are_told_apart,
                                        begin_watched, end_watched),
        cmocka_unit_test_setup_teardown(a_claimed_length_takes_no_memory, begin_watched,
                                        end_watched),
    };
    return cmocka_run_group_tests_name("helper_frame", tests, NULL, NULL);
}
