{{- define "iggyctl-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Unique in its namespace: only the release that is called as the chart has no more in its name. */ -}}
{{- define "iggyctl-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if eq .Release.Name (include "iggyctl-operator.name" .) }}
{{- .Release.Name }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "iggyctl-operator.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Unique in the cluster: no name of a namespace has a colon. */ -}}
{{- define "iggyctl-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "iggyctl-operator.fullname" .) }}
{{- end }}

{{- define "iggyctl-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "iggyctl-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "iggyctl-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "iggyctl-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "iggyctl-operator.labels" -}}
{{ include "iggyctl-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/component: operator
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "iggyctl-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}
