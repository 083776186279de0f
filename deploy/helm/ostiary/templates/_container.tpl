{{/* What the container is in both shapes. */}}
{{- define "ostiary.container" -}}
name: ostiary
image: {{ include "ostiary.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if or .Values.environment .Values.environmentFrom }}
env:
  {{- range $name, $value := .Values.environment }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- with .Values.environmentFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
  seccompProfile:
    type: RuntimeDefault
volumeMounts:
  # A folder, not single files: what a Secret holds is replaced under a running gateway.
  - name: ostiary
    mountPath: /etc/ostiary
    readOnly: true
{{- end -}}

{{/* The same as a sidecar, an init container that goes on (Kubernetes 1.29 and newer). */}}
{{- define "ostiary.sidecar" -}}
{{ include "ostiary.container" . }}
restartPolicy: Always
{{- if and .Values.ports.admin .Values.podMonitor.enabled }}
ports:
  - name: ostiary-admin
    containerPort: {{ .Values.ports.admin }}
{{- end }}
{{- if .Values.ports.admin }}
startupProbe:
  exec:
    command: ["ostiary", "health"]
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 30
livenessProbe:
  exec:
    command: ["ostiary", "health"]
  periodSeconds: 30
  timeoutSeconds: 5
{{- end }}
{{- end -}}

{{/* Everything below /etc/ostiary. Key files are readable by the pod's group alone. */}}
{{- define "ostiary.volume" -}}
name: ostiary
projected:
  defaultMode: 0440
  sources:
    - configMap:
        name: {{ include "ostiary.name" . }}
    {{- with .Values.tlsSecret }}
    - secret:
        name: {{ . }}
        items:
          - key: tls.crt
            path: tls/tls.crt
          - key: tls.key
            path: tls/tls.key
    {{- end }}
    {{- with .Values.adminTokenSecret }}
    - secret:
        name: {{ . }}
        items:
          - key: token
            path: admin/token
    {{- end }}
    {{- with .Values.files }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* What pods of both shapes have. */}}
{{- define "ostiary.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "ostiary.metadata" -}}
labels:
  {{- include "ostiary.selector" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.rollOnChange .Values.podAnnotations }}
annotations:
  {{- if .Values.rollOnChange }}
  checksum/configuration: {{ .Values.configuration | sha256sum }}
  {{- end }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}
