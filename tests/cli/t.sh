# Prints a command, what it says, and its exit status.
t()
{
    echo "\$ $*"
    "$@" 2>&1
    echo "exit $?"
}
