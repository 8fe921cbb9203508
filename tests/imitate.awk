# imitate.awk - the 79 columns of CIC-IDS2017's MachineLearningCSV, of the flows of a trace in UGR'16's form.
# usage: awk -F, -f imitate.awk TRACE
BEGIN {
	printf " Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets,"
	printf " Total Length of Bwd Packets, Fwd Packet Length Max, Fwd Packet Length Min, Fwd Packet Length Mean,"
	printf " Fwd Packet Length Std,Bwd Packet Length Max, Bwd Packet Length Min, Bwd Packet Length Mean,"
	printf " Bwd Packet Length Std,Flow Bytes/s, Flow Packets/s, Flow IAT Mean, Flow IAT Std, Flow IAT Max,"
	printf " Flow IAT Min,Fwd IAT Total, Fwd IAT Mean, Fwd IAT Std, Fwd IAT Max, Fwd IAT Min,Bwd IAT Total,"
	printf " Bwd IAT Mean, Bwd IAT Std, Bwd IAT Max, Bwd IAT Min,Fwd PSH Flags, Bwd PSH Flags, Fwd URG Flags,"
	printf " Bwd URG Flags, Fwd Header Length, Bwd Header Length,Fwd Packets/s, Bwd Packets/s, Min Packet Length,"
	printf " Max Packet Length, Packet Length Mean, Packet Length Std, Packet Length Variance,FIN Flag Count,"
	printf " SYN Flag Count, RST Flag Count, PSH Flag Count, ACK Flag Count, URG Flag Count, CWE Flag Count,"
	printf " ECE Flag Count, Down/Up Ratio, Average Packet Size, Avg Fwd Segment Size, Avg Bwd Segment Size,"
	printf " Fwd Header Length,Fwd Avg Bytes/Bulk, Fwd Avg Packets/Bulk, Fwd Avg Bulk Rate, Bwd Avg Bytes/Bulk,"
	printf " Bwd Avg Packets/Bulk,Bwd Avg Bulk Rate,Subflow Fwd Packets, Subflow Fwd Bytes, Subflow Bwd Packets,"
	printf " Subflow Bwd Bytes,Init_Win_bytes_forward, Init_Win_bytes_backward, act_data_pkt_fwd,"
	printf " min_seg_size_forward,Active Mean, Active Std, Active Max, Active Min,Idle Mean, Idle Std, Idle Max,"
	printf " Idle Min, Label\n"
}
# Both ways of a flow are one row: two flows, one after the other, with their ends exchanged.
function row(dp, td, fp, bp, fb, bb, label,   i) {
	printf "%d,%d,%d,%d,%d,%d", dp, td * 1000000, fp, bp, fb, bb
	for (i = 7; i <= 14; i++) printf ",%d", fb / fp
	printf ",%s,%s", (td > 0 ? (fb + bb) / td : "Infinity"), (td > 0 ? (fp + bp) / td : "NaN")
	for (i = 17; i <= 78; i++) printf ",%d", (i * fp) % 7
	printf ",%s\n", label == "background" ? "BENIGN" : label
}
{
	key = $3 " " $4 " " $5 " " $6 " " $7; back = $4 " " $3 " " $6 " " $5 " " $7
	if (back in first) {
		split(first[back], o, ","); delete first[back]
		row(o[1], $2 > o[2] ? $2 : o[2], o[3], $11, o[4], $12, o[5])
		next
	}
	if (key in first) {
		split(first[key], o, ","); row(o[1], o[2], o[3], 0, o[4], 0, o[5])
	}
	first[key] = $6 "," $2 "," $11 "," $12 "," $13
}
