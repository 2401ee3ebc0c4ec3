# Bundles that are damaged or not trusted: refused as a whole, with a status of their own.
aiter-precompile --quiet --arch gfx942 --dtype bf16 --head-dim 32 --mask none
aiter-precompile export --output good --quiet
aiter-precompile keygen key --quiet
aiter-precompile keygen other --quiet
aiter-precompile export --output signed --sign key.key --quiet
import="aiter-precompile import --cache-dir new"
keys() { sed -E 's/signed by [0-9a-f]{64}/signed by KEY/'; }
head -c 200 good >short
t $import short | sed -E 's/[0-9]+/N/g'
{ cat good; echo; } >longer
t $import longer | sed -E 's/[0-9]+/N/g'
cp good flipped
printf '\377' | dd of=flipped bs=1 seek=1000 conv=notrunc status=none
t $import flipped
cp good version
printf '\2' | dd of=version bs=1 seek=8 conv=notrunc status=none
t $import version
echo 'no bundle' >text
t $import text
t $import nowhere
t $import --trust key.pub good
t $import --trust other.pub signed | keys
t $import --trust key.key signed
t $import --trust key.pub --trust other.pub --quiet --dry-run signed
head -c -96 signed >cut # without the signature
printf '\0' | dd of=cut bs=1 seek=12 conv=notrunc status=none
t $import --trust key.pub cut
cp signed forged
printf '\377' | dd of=forged bs=1 seek=$(($(stat -c %s signed) - 1)) conv=notrunc status=none
t $import forged
t aiter-precompile merge good flipped --output merged
t aiter-precompile merge good signed --trust key.pub --output merged
t aiter-precompile merge good --output nowhere/merged
t aiter-precompile merge good --output merged --sign key.pub
ls
aiter-precompile stat --cache-dir new --json | grep '"records"'
