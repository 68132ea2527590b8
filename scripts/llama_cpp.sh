#!/usr/bin/env bash
# Builds llama.cpp's library for the CPU, without optimising it for speed, and beside it the source of its Python server:
# `scripts/llama_cpp.sh FOLDER`, then `pip install FOLDER/llama_cpp_python-*.tar.gz[server] -C cmake.define.LLAMA_BUILD=OFF` and
# LLAMA_CPP_LIB_PATH=FOLDER/lib. A plain `pip install llama-cpp-python[server]` does the same in several times the time.
set -euo pipefail
version=0.3.36
folder=$1
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" download -q --no-deps --no-binary llama-cpp-python -d "$folder" "llama-cpp-python==$version"
tar -xzf "$folder/llama_cpp_python-$version.tar.gz" -C "$folder"
cmake -S "$folder/llama_cpp_python-$version/vendor/llama.cpp" -B "$folder/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O2 -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DGGML_NATIVE=OFF \
    -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF
cmake --build "$folder/build" --target llama
ln -sfn "$folder/build/bin" "$folder/lib"
