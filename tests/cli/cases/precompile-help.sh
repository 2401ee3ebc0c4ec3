t aiter-precompile --help
t aiter-precompile --version
