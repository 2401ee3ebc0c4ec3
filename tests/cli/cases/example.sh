# The example: its own check must pass, and its second context must compile nothing.
export LD_LIBRARY_PATH=$BUILD/lib
t example-flash-attn --sim gfx942 --cache-dir cache | sed -E -e 's/ +[0-9.]+ ms/ TIME/' -e 's/error +[0-9.e-]+/error N/'
t example-flash-attn --sim gfx90a --cache-dir cache | grep -E 'ok|exit'
t example-flash-attn --nonsense
t example-flash-attn --runtime /nonexistent.so
