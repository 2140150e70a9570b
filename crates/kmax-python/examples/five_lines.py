"""A photo in, segments out: ``python five_lines.py photo.jpg``."""

import sys

import kmax_deeplab as kmax

result = kmax.Segmenter("kmax-people").segment(sys.argv[1])
for segment in result:
    print(f"{segment.label:20} {segment.area:8} pixels  {segment.score:.2f}")
