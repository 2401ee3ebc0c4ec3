t aiter-bench --help
t aiter-bench --version
