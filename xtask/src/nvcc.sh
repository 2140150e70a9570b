#!/bin/sh
# Stands for nvcc where code is only to be type-checked: it answers as that of CUDA 13.0 does, and what it compiles is empty.
case " $* " in
*" --version "*)
    printf 'nvcc: stands for the CUDA compiler driver\n\n\nCuda compilation tools, release 13.0, V13.0.0\n'
    exit ;;
*" --list-gpu-code "*)
    printf 'sm_80\nsm_90\n'
    exit ;;
esac
out='' folder='' last=''
while [ $# -gt 0 ]; do
    case $1 in
    -o) out=$2; shift ;;
    --output-directory) folder=$2; shift ;;
    esac
    last=$1
    shift
done
[ -z "$folder" ] || out=$folder/$(basename "$last" .cu).ptx
# The least of an archive, which is as good as anything else where nothing is linked.
printf '!<arch>\n' > "$out"
