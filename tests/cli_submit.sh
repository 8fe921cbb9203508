#!/bin/sh
# flowmint submit: the batch files and how they wait for each other; a whole release through a Slurm of one node, started here,
# where Debian's slurmctld, slurmd and munge can run.
# usage: cli_submit.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

cleanup() {
	for pid in slurm/d.pid slurm/ctld.pid slurm/munge.pid; do
		[ -s "$T/$pid" ] || continue
		daemon=$(cat "$T/$pid")
		kill "$daemon" 2>/dev/null
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			kill -0 "$daemon" 2>/dev/null || break
			sleep 0.2
		done
	done
}

toy 12 4 2000

submit() {
	"$F" submit p $UNCONFINED --slurm --workspace w "$@"
}

# --- the files ---
expect 0 "--print shows the files" submit --print --json --shards 3 --parts 5 --ranks 4 --sbatch=--mem=2G --set "release.description=it's \$HOME"
cp out files.json
holds "six of them, in order" test "$(json files.json '[f["job"] for f in d]')" = \
	"['train', 'shards', 'generate', 'parts', 'evaluate', 'release']"
holds "each waits for what it needs" test "$(json files.json '[f["dependency"] for f in d]')" = \
	"['singleton', 'afterok:TRAIN', 'afterok:TRAIN,afterany:SHARDS,singleton', 'afterok:GENERATE', \
'afterok:GENERATE,afterany:PARTS,singleton', 'afterok:EVALUATE,singleton']"
holds "nothing is written" test ! -e w
i=0
for job in train shards generate parts evaluate release; do
	json files.json "d[$i]['text']" >$job.sbatch
	i=$((i + 1))
	expect 0 "$job.sbatch is a script" sh -n $job.sbatch
	says $job.sbatch "#SBATCH --mem=2G" "with the option"
done
says shards.sbatch "#SBATCH --array=1-3" "the array has a job for each shard"
says parts.sbatch "#SBATCH --array=1-5" "the other one for each part"
says train.sbatch "#SBATCH --ntasks=4" "training has a task for each rank"
says train.sbatch "exec mpirun -n 4 '" "and mpirun starts them"
holds "shards are for generation" sh -c "grep -q run.shards= generate.sbatch && ! grep run.shards= evaluate.sbatch"
sed "s,'[^']*' generate ,printf '%s\\\\n' ," shards.sbatch | sed 's/^exec //' >words.sh
expect 0 "(the words of one of its calls)" env SLURM_ARRAY_TASK_ID=2 SLURM_CPUS_PER_TASK=5 sh words.sh
says out "2/3" "a job makes its shard"
says out "release.description=it's \$HOME" "words reach flowmint as they were written"
says out "train.threads=5" "with the processors that it got"
expect 0 "no shards, no array" submit --print --json --shards 0 --parts 0
holds "then three jobs" test "$(json out '[(f["job"], f["dependency"]) for f in d]')" = \
	"[('train', 'singleton'), ('evaluate', 'afterok:TRAIN,singleton'), ('release', 'afterok:EVALUATE,singleton')]"
sed '/^model:/d; /^train:/d; s/^generate: {steps: [0-9]*, /generate: {/' p/release.yaml >p/ctgan.yaml
expect 0 "nor for a model that makes its flows in one piece" "$F" submit p/ctgan.yaml $UNCONFINED --slurm --workspace w --print --json --set model.kind=ctgan
holds "its searches go in parts all the same" test "$(json out '[(f["job"], f["dependency"]) for f in d][1]')" = \
	"('generate', 'afterok:TRAIN,singleton')"
expect 2 "nor does it train in ranks" "$F" submit p/ctgan.yaml $UNCONFINED --slurm --workspace w --print --ranks 2 --set model.kind=ctgan
expect 0 "people read them" submit --print
says out "# sbatch --dependency=afterok:EVALUATE,singleton $T/w/slurm/toy-1.0.0/release.sbatch" "each under its command"
expect 2 "another cluster is refused" "$F" submit p --print
expect 2 "an option that is none is refused" submit --print --sbatch partition
expect 3 "a trace from a pipe is refused" submit --print --set source.path=-
expect 3 "a workspace that no batch file can name is refused" "$F" submit p --slurm --print --workspace "w x"
expect 3 "what would end the run is told before" submit --set publish.key=keys/none
holds "and nothing is submitted" test ! -e w

# --- sbatch ---
mkdir bin
cat >bin/sbatch <<'END'
#!/bin/sh
echo "$@" >>calls
n=$(wc -l <calls)
[ "$n" -ne "${REFUSE:-0}" ] || { echo "sbatch: error: no such partition" >&2; exit 1; }
echo "10$n;somewhere"
END
chmod +x bin/sbatch
expect 0 "jobs are submitted" env PATH="$T/bin:$PATH" "$F" submit p $UNCONFINED --slurm --workspace w --shards 2 --parts 2 --json
holds "their ids are told" test "$(json out 'd')" = \
	"{'evaluate': '105', 'generate': '103', 'parts': '104', 'release': '106', 'shards': '102', 'train': '101'}"
says calls "--dependency=afterok:101,afterany:102,singleton $T/w/slurm/toy-1.0.0/generate.sbatch" "each waits for its forerunner's id"
says calls "--dependency=afterok:103,afterany:104,singleton $T/w/slurm/toy-1.0.0/evaluate.sbatch" "judging too"
rm calls
expect 4 "what sbatch refuses ends it" env REFUSE=3 PATH="$T/bin:$PATH" "$F" submit p $UNCONFINED --slurm --workspace w
says err "no such partition" "with its own words"
says err "job 101 and what waits for it: scancel takes them back" "and what was submitted is named"
mkdir none
ln -s "$(command -v sh)" none/sh
expect 4 "without sbatch it is said" env PATH="$T/none" "$F" submit p $UNCONFINED --slurm --workspace w
says err "there is no sbatch here" "with what to do"
rm -rf w

# --- Slurm ---
start_slurm() {
	for program in slurmctld slurmd munged sbatch squeue scancel scontrol sinfo; do
		command -v $program >/dev/null || PATH=$PATH:/usr/sbin command -v $program >/dev/null || return 1
	done
	PATH=$PATH:/usr/sbin
	host=$(hostname -s) me=$(id -un)
	# shellcheck disable=SC2046 # two ports that are free
	set -- $("$PYTHON" -c 'import socket
s = [socket.socket(), socket.socket()]
for one in s:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in s))')
	mkdir -p slurm/state slurm/spool slurm/munge && chmod 700 slurm/munge
	head -c 1024 /dev/urandom >slurm/munge/key && chmod 600 slurm/munge/key
	munged --force --key-file="$T/slurm/munge/key" --socket="$T/slurm/munge/socket" --pid-file="$T/slurm/munge.pid" \
		--log-file="$T/slurm/munge/log" --seed-file="$T/slurm/munge/seed" >slurm/said 2>&1 || return 1
	cat >slurm/slurm.conf <<-END
		ClusterName=test
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$1
		SlurmdPort=$2
		SlurmUser=$me
		SlurmdUser=$me
		AuthType=auth/munge
		AuthInfo=socket=$T/slurm/munge/socket
		CredType=cred/munge
		StateSaveLocation=$T/slurm/state
		SlurmdSpoolDir=$T/slurm/spool
		SlurmctldPidFile=$T/slurm/ctld.pid
		SlurmdPidFile=$T/slurm/d.pid
		SlurmctldLogFile=$T/slurm/ctld.log
		SlurmdLogFile=$T/slurm/d.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SchedulerType=sched/builtin
		SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		MpiDefault=none
		SwitchType=switch/none
		JobCompType=jobcomp/none
		AccountingStorageType=accounting_storage/none
		JobAcctGatherType=jobacct_gather/none
		NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
		PartitionName=all Nodes=$host Default=YES State=UP
	END
	SLURM_CONF=$T/slurm/slurm.conf
	export SLURM_CONF PATH
	slurmctld -c >>slurm/said 2>&1 && slurmd -c >>slurm/said 2>&1 || return 1
	until_true 30 is_idle
}
is_idle() {
	sleep 0.2
	sinfo -h -o %T 2>/dev/null | grep -qx idle
}
is_done() { # and Slurm answers
	sleep 0.2
	squeue -h >queue 2>/dev/null && [ ! -s queue ]
}

if start_slurm; then
	ranks=1
	if [ "$(nproc)" -ge 2 ] && command -v mpirun >/dev/null && ldd "$(dirname "$V")/flowmint" 2>/dev/null | grep -q libmpi; then
		ranks=2
		OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
		export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
	else
		skip "ranks through Slurm" "one processor, no mpirun, or flowmint was built without MPI"
	fi
	expect 0 "(nothing begins yet)" scontrol update PartitionName=all State=DOWN
	expect 0 "a release is submitted" submit --shards 3 --parts 2 --ranks $ranks --json
	array=$(json out 'd["shards"]') parts=$(json out 'd["parts"]')
	expect 0 "one job of the array is lost" scancel "${array}_2"
	expect 0 "and one that judges" scancel "${parts}_1"
	expect 0 "the release is submitted once more" submit --shards 3 --parts 2 --ranks $ranks
	expect 0 "(now)" scontrol update PartitionName=all State=UP
	holds "all jobs end" until_true 600 is_done
	logs=w/slurm/toy-1.0.0
	[ $ranks = 1 ] || says $logs/train.log "train: 2 ranks" "training goes in ranks"
	says $logs/generate.log "shard 2 of 3 is not in $T/$logs/shards: it is made here" "what was lost is named"
	says $logs/generate.log "2 of 3 shards were taken" "and made alone"
	says $logs/evaluate.log "part 1 of 2 is not in $T/$logs/parts: it is made here" "a part too"
	says $logs/evaluate.log "1 of 2 parts were taken" "and made alone"
	says $logs/release.log "gate: pass" "the gate passes"
	holds "the second found all done" sh -c "grep -q 'train *cached' $logs/train.log && test \$(grep -c 'tar sha256' $logs/release.log) = 2"
	holds "the shards are gone" sh -c "! ls -d $logs/shards $logs/parts"
	expect 0 "a job of the array alone" sbatch -Q --wait --array=2 $logs/shards.sbatch
	holds "makes its shard alone" sh -c "ls $logs/shards | grep -q '^shard-2-of-3-' && test \$(ls $logs/shards | wc -l) = 1"
	archive=p/release/toy-1.0.0.tar.zst
	digest=$(tar_digest $archive)
	expect 0 "the ledger is whole" "$F" audit --workspace w
	mv p/release cluster
	expect 0 "the same on this machine" "$F" run p $UNCONFINED --quiet --workspace alone
	holds "is the same tar" test "$(tar_digest $archive)" = "$digest"
else
	skip "a release through Slurm" "no slurmctld, slurmd and munged that can run here$(sed 's/^/: /' slurm/said 2>/dev/null | tail -n 1)"
fi
finish
